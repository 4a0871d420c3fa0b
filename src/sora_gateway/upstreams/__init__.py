"""Backends that generate media."""
