"""Proofs of the usage leaf."""
