"""What ends a benchmark without a figure."""


class BenchError(Exception):
    """Something answered otherwise than a measurement supposes; the message says what."""
