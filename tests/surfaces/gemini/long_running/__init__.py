"""Proofs of the long_running leaf."""
