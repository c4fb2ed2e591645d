"""`python -m shared.healthcheck`: asks the process in the same container whether it is ready.

Exit status 0 when it is; else 1 and the reason, which `docker inspect` shows. It runs every few
seconds in every container, and so imports nothing that is not needed for one request.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException

TIMEOUT_SECONDS = 3.0


def why_not_ready(port: int, *, timeout: float = TIMEOUT_SECONDS) -> str | None:
    """None when the process that listens on this port of 127.0.0.1 is ready."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", "/health/ready")
        response = connection.getresponse()
        body = response.read().decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return None if response.status == 200 else f"{response.status} {body}"


if __name__ == "__main__":
    sys.exit(why_not_ready(int(os.environ["PORT"])))
