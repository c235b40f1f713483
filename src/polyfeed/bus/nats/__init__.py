"""NATS JetStream: one venue's batches to gateways on any machine, and their commands back."""
