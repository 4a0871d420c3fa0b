"""Measure the gateway beside its peers: real processes on loopback, one core for the server."""
