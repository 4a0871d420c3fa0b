"""Prove the store on a real server."""
