"""Tests of sora_gateway.accounts."""
