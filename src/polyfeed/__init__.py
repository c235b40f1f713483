"""One exchange core that speaks five exchanges' real-time APIs at once."""

__version__ = "0.1.0"
