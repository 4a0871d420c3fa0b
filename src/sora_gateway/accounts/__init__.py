"""Rules about upstream accounts: health and choice."""
