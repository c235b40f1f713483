"""Orders everything that happens: stamps commands, makes them durable, applies them, publishes what was decided."""
