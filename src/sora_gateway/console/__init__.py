"""The operator's console (to be furnished)."""
