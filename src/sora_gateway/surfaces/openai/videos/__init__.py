"""Video jobs: create, look, watch, download, end."""
