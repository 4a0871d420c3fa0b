"""Tests of the Sora web backend."""
