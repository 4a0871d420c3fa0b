"""Prove the adapters of the store."""
