"""Images and videos in a conversation."""
