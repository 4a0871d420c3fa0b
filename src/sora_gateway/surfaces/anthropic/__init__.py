"""Anthropic's dialect: messages and models."""
