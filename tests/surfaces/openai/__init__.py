"""Proofs of the OpenAI dialect."""
