"""The vendors own SDKs against a real server."""
