"""Carries what the dialects say to the sockets, and what clients say to the dialects."""
