"""Pictures and videos in a conversation, and pictures by prediction; the answer waits for the job."""
