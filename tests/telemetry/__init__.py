"""Tests of sora_gateway.telemetry."""
