"""What the gateway's "no" means: to everybody, or perhaps to this text."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from shared.errors import DependencyUnavailable, Refused

GATEWAY = "SMS gateway"
#: Our credentials, our account, our address of it, its own state: the same for every text.
TO_EVERYBODY = frozenset({401, 402, 405, 407, 408, 421, 425, 426, 429, 502, 503, 504, 505, 511})
#: The first request with this key is still in work, says a gateway that answers so.
CONFLICT = 409


def refusal(answer: httpx.Response) -> DependencyUnavailable | Refused:
    said = f"{answer.status_code} {answer.text[:500]}".strip()
    after = retry_after(answer.headers.get("Retry-After", ""), datetime.now(UTC))
    # Elsewhere is the same elsewhere for every text.
    if answer.status_code in TO_EVERYBODY or not answer.is_error:
        return DependencyUnavailable(GATEWAY, f"it answered {said}", retry_after=after)
    return Refused(
        GATEWAY,
        said,
        kind=str(answer.status_code),
        for_now=answer.status_code == CONFLICT,
        retry_after=after,
    )


def retry_after(value: str, now: datetime) -> float | None:
    """Seconds, given as such or as a date (RFC 9110, 10.2.3); None for what is neither."""
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        # A date without a time zone cannot be compared either.
        return None
