"""Sockets that adapters plug into."""
