"""Proofs of the dialects."""
