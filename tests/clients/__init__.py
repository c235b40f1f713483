"""Real clients of the exchanges, unmodified, each in its own environment, driven against a running server."""
