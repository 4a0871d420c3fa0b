"""Proof of the command line."""
