"""Proofs of the generate_content leaf."""
