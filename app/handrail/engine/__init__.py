"""The detached process that owns one live run: it journals what was decided, then performs it."""
