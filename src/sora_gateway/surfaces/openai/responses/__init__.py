"""Images and videos as responses of a model with tools."""
