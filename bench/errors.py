"""Errors that end a benchmark without a figure."""


class BenchError(Exception):
    """An unexpected response or output; the message names it."""
