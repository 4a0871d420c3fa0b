"""What a caller has used, and what is left."""
