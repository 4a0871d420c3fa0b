"""Tests of sora_gateway.licences."""
