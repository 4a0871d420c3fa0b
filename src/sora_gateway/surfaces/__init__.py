"""Dialects: wire format in, wire format out."""
