"""The engine, with a real store and a backend that does what the test says."""
