"""What can be asked for, in Anthropic's manner."""
