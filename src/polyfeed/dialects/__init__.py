"""One package per exchange, each with the same files, and `_base`, the words they share with the gateway."""
