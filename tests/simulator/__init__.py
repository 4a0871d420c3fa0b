"""Proofs of the simulator."""
