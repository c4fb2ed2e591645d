"""Rejects requests from web pages of other sites, which run in a browser on the same machine.

The Host header reveals a site that points its own name at 127.0.0.1 (DNS rebinding). Origin and
Sec-Fetch-Site reveal a form or fetch from another site (CSRF): browsers add them to requests that
change something, and other programs do not send them. Source: Fetch Metadata, Origin (RFC 6454).
"""

import re
from collections.abc import Collection
from ipaddress import ip_address

from flask import Flask, Response, request

from shared.http.app import problem

#: The paths of probes and Prometheus, which may use any host name.
_OPEN = ("/health/", "/metrics", "/livez", "/readyz")
_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{1,5})?")


def keep_other_sites_out(app: Flask, names: Collection[str]) -> None:
    """Reject other sites. `names`: allowed hosts besides IP addresses and names without a dot."""

    @app.before_request
    def refuse() -> Response | None:
        if request.path.startswith(_OPEN):
            return None
        if not _is_ours(request.headers.get("Host"), names):
            return problem(403, "Unknown host", "To allow this name, add it to ALLOWED_HOSTS.")
        if request.method not in _HARMLESS and _is_from_another_site():
            return problem(403, "Another site", "Only this service's own pages may do that.")
        return None


def _is_ours(host: str | None, names: Collection[str]) -> bool:
    """Whether the host is allowed: an IP address cannot be rebound, and no other site owns a name
    without a dot, such as `localhost` or a container's. Browsers never omit the header.
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
    # The scheme is ignored: it differs behind a proxy that terminates TLS.
    return origin is not None and origin.partition("://")[2] != request.headers.get("Host")
