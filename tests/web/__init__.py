"""Proofs of the HTTP furniture."""
