"""One way to ask a service over HTTP, and one sentence for each thing that can go wrong there."""

from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
import msgspec
from pydantic import SecretStr

from orderctl.ask_again import ask_again
from orderctl.errors import CommandError
from shared.errors import DocumentError
from shared.http import bounded_client
from shared.http.documents import read_document

#: A page of the longest orders that the order service takes has 64 MB.
MOST_BYTES = 128 * 1024 * 1024
CALL_SECONDS = 30.0
#: What stands behind the question mark.
Query = Mapping[str, str | int]
T = TypeVar("T")


def open_client(seconds: float = CALL_SECONDS) -> httpx.Client:
    """A client for services nearby, whose calls end within so many seconds, as a whole.

    A connection is used again for no longer than a second: gunicorn closes an idle one after
    two, and a request that meets the closing would look like a failure.
    """
    limits = httpx.Limits(keepalive_expiry=1.0)
    return bounded_client.open_client(seconds, limits=limits, most_bytes=MOST_BYTES)


def bearer(token: SecretStr | None) -> dict[str, str]:
    """The header by which an operator is known; none where no token is set."""
    return {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}


class Problem(msgspec.Struct):
    """The problem document (RFC 9457) with which a service refuses."""

    title: str = ""
    detail: str = ""


def read_problem(response: httpx.Response) -> Problem | None:
    """None for an answer that is no problem document."""
    try:
        return read_document(response.content, Problem)
    except DocumentError:
        return None


def not_this_service(name: str, url: str, setting: str, error: DocumentError) -> CommandError:
    return CommandError(
        f"What answers at {url} is not {name} ({error}): set {setting} to where it is."
    )


class ServiceClient:
    """One service that is asked over HTTP. Every CommandError says what to do next.

    `name` is for messages, `setting` is the variable that says where the service is, by default
    from its name. `start` is how to start it. `token` is sent along.
    """

    def __init__(
        self,
        client: httpx.Client,
        name: str,
        url: str,
        token: SecretStr | None = None,
        *,
        setting: str | None = None,
        start: str = "start it",
    ) -> None:
        self.client = client
        self.name = name
        self.url = url.rstrip("/")
        self.headers = bearer(token)
        self.setting = setting or name.upper().replace(" ", "_").replace("-", "_") + "_URL"
        self._start = start

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        again: bool = True,
        query: Query | None = None,
    ) -> httpx.Response:
        """The answer, whatever its status. Raises CommandError where there is none.

        `again`: whether it may be asked once more when the connection breaks.
        """

        def call() -> httpx.Response:
            return self.client.request(
                method, self.url + path, json=body, params=query, headers=self.headers
            )

        try:
            return ask_again(call) if again else call()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.failed(self.url + path, error) from error

    def read(self, response: httpx.Response, kind: type[T]) -> T:
        """What was answered. Raises CommandError where that is no `kind`."""
        try:
            return read_document(response.content, kind)
        except DocumentError as error:
            where = str(response.url.copy_with(query=None))
            raise self.failed(where, error) from error

    def failed(self, _where: str, error: Exception) -> CommandError:
        """Says that there was no answer, or, after a DocumentError, not one of this service."""
        if isinstance(error, DocumentError):
            return not_this_service(self.name, self.url, self.setting, error)
        return CommandError(
            f"{self.name} does not answer at {self.url} ({str(error) or type(error).__name__}): "
            f"{self._start}, or set {self.setting} to where it is."
        )
