"""Proofs of Anthropic's dialect."""
