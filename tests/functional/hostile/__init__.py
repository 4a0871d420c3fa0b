"""Hostile callers against the real product."""
