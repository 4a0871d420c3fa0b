"""Proofs of the Gemini dialect."""
