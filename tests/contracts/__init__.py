"""One suite per port, passed by every implementation."""
