"""The documentation says what the code does, and its examples run."""
