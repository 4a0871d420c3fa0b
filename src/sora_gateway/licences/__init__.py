"""Rules about licence keys: who may ask for what."""
