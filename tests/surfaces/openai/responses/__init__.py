"""Proofs of the responses leaf."""
