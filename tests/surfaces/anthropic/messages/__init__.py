"""Proofs of the messages leaf."""
