"""Numbers in the query of a URL."""

from flask import request

#: Fits into every database's integers.
HIGHEST = 2**53


def number(name: str, default: int, *, least: int = 0, most: int = HIGHEST) -> int:
    """The number in the query, moved into bounds; `default` where there is none."""
    return min(max(request.args.get(name, default, type=int), least), most)
