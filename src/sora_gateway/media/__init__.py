"""Bytes: fetching, keeping, deriving and linking them."""
