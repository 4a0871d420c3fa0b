"""Proofs of the characters leaf."""
