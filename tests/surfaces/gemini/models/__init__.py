"""Proofs of the models leaf."""
