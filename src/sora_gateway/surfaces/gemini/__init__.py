"""The Gemini dialect, for Google's Gen AI SDKs."""
