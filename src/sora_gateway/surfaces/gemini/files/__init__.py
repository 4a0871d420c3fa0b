"""Downloads of results by file name."""
