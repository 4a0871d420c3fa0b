"""State behind the Redis protocol."""
