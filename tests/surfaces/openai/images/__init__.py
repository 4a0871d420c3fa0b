"""Proofs of the images leaf."""
