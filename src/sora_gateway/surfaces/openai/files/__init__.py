"""Files that callers keep here, to name them in requests."""
