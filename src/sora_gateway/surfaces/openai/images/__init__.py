"""Images, made while the caller waits."""
