"""Reads numbers from the query of a URL."""

from flask import request

#: The largest number; it fits into every database's integers.
HIGHEST = 2**53


def number(name: str, default: int, *, least: int = 0, most: int = HIGHEST) -> int:
    """The number in the query, limited to the bounds; `default` if there is none."""
    return min(max(request.args.get(name, default, type=int), least), most)
