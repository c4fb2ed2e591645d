"""Keeps web pages of other sites out: a browser that has one open reaches what its machine does.

A site that points its own name at 127.0.0.1 (DNS rebinding) is told by the Host header; one that
sends a form or a fetch across (CSRF) by Origin and Sec-Fetch-Site, which browsers add to whatever
changes something and programs do not send. Source: Fetch Metadata, Origin (RFC 6454).
"""

import re
from collections.abc import Collection
from ipaddress import ip_address

from flask import Flask, Response, request

from shared.http.app import problem

#: What probes and Prometheus ask for, under whatever name they know this process by.
_OPEN = ("/health/", "/metrics", "/livez", "/readyz")
_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{1,5})?")


def keep_other_sites_out(app: Flask, names: Collection[str]) -> None:
    """`names` by which it is reached, beside addresses and names without a dot."""

    @app.before_request
    def refuse() -> Response | None:
        if request.path.startswith(_OPEN):
            return None
        if not _is_ours(request.headers.get("Host"), names):
            return problem(403, "Unknown host", "It is not reached by that name: ALLOWED_HOSTS.")
        if request.method not in _HARMLESS and _is_from_another_site():
            return problem(403, "Another site", "Only pages of this service itself may do that.")
        return None


def _is_ours(host: str | None, names: Collection[str]) -> bool:
    """Nobody can point an address elsewhere, and nobody outside owns a name without a dot, such as
    `localhost` or that of a container. No browser leaves the header out.
    """
    if host is None:
        return True
    parts = _HOST.fullmatch(host)
    name = (parts[1] or parts[2]) if parts else ""
    return _is_address(name) or ("." not in name and name != "") or name.lower() in names


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_from_another_site() -> bool:
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("Origin")
    # Its scheme says nothing where a proxy speaks TLS.
    return origin is not None and origin.partition("://")[2] != request.headers.get("Host")
