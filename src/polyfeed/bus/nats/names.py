"""What everything of one venue is called on the bus. `name` is `bus.name`: several venues may share a NATS."""

from __future__ import annotations

from msgspec import Struct


class Names(Struct, frozen=True):
    """Subjects, streams and buckets below one name."""

    name: str

    @property
    def batches(self) -> str:
        """The subject of batches; its stream is `batches_stream`."""
        return f"{self.name}.batches"

    @property
    def batches_stream(self) -> str:
        """The stream of batches."""
        return f"{self.name}-batches"

    @property
    def records(self) -> str:
        """The subject of what the journal records, for a standby; its stream is `records_stream`."""
        return f"{self.name}.records"

    @property
    def records_stream(self) -> str:
        """The stream of records."""
        return f"{self.name}-records"

    @property
    def calls(self) -> str:
        """Where gateways call the venue: their commands, and that they live."""
        return f"{self.name}.calls"

    @property
    def words(self) -> str:
        """Where gateways tell each other what nothing depends on."""
        return f"{self.name}.words"

    @property
    def images(self) -> str:
        """Where a gateway asks for an image to start from."""
        return f"{self.name}.images"

    @property
    def history(self) -> str:
        """Where questions about the past are asked."""
        return f"{self.name}.history"

    @property
    def bucket(self) -> str:
        """The key-value bucket with the venue's lease."""
        return f"{self.name}-lease"

    @property
    def store(self) -> str:
        """The object store of images."""
        return f"{self.name}-images"
