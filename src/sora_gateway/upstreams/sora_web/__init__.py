"""The Sora web protocol as a backend."""
