"""Proof that the gateway does what it says."""
