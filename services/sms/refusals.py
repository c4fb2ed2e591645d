"""Classifies a refusal by the gateway: about every text, or perhaps only about this one."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from shared.errors import DependencyUnavailable, Refused

GATEWAY = "SMS gateway"
#: About our credentials, our account, the URL or the gateway itself, hence about every text.
ABOUT_EVERY_TEXT = frozenset({401, 402, 405, 407, 408, 421, 425, 426, 429, 502, 503, 504, 505, 511})
#: The gateway is still processing an earlier request with this key.
CONFLICT = 409


def refusal(response: httpx.Response) -> DependencyUnavailable | Refused:
    text = f"{response.status_code} {response.text[:500]}".strip()
    after = retry_after(response.headers.get("Retry-After", ""), datetime.now(UTC))
    # A redirect applies to every text as well.
    if response.status_code in ABOUT_EVERY_TEXT or not response.is_error:
        return DependencyUnavailable(GATEWAY, f"it responded {text}", retry_after=after)
    return Refused(
        GATEWAY,
        text,
        kind=str(response.status_code),
        for_now=response.status_code == CONFLICT,
        retry_after=after,
    )


def retry_after(value: str, now: datetime) -> float | None:
    """Seconds to wait, from a number or a date (RFC 9110, 10.2.3); None if it is neither."""
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        # TypeError: a date without a time zone cannot be compared.
        return None
