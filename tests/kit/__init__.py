"""Tests of sora_gateway.kit."""
