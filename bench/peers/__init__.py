"""Other servers, measured beside ours: each is a process that sends on command, and one neutral client counts."""
