"""HTTP furniture that belongs to no dialect."""
