"""Images and videos in a conversation, in Anthropic's manner."""
