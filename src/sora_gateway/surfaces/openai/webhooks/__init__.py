"""Where callers want to hear how their jobs ended."""
