"""Real processes on loopback, killed and counted."""
