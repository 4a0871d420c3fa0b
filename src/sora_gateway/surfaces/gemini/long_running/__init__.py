"""Videos as long-running operations: start, look, fetch."""
