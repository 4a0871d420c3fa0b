"""Proofs of the videos leaf."""
