"""Proofs of the chat leaf."""
