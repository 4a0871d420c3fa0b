"""OpenAI-compatible gateway that runs image and video generation as durable jobs."""
