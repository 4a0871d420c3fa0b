"""Characters: make, look, list, delete."""
