"""Tests of sora_gateway.domain."""
