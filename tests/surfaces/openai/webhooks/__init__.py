"""Proofs of the files leaf."""
