"""An HTTP client for services, which turns every failure into one CommandError sentence."""

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

#: A page of the longest orders that the order service accepts has 64 MB.
MOST_BYTES = 128 * 1024 * 1024
CALL_SECONDS = 30.0
#: The parameters of a query string.
Query = Mapping[str, str | int]
T = TypeVar("T")


def open_client(seconds: float = CALL_SECONDS) -> httpx.Client:
    """A client for local services; each call, as a whole, ends within `seconds`.

    An idle connection is reused for one second at most: gunicorn closes it after two, and a
    request sent at that moment would look like a failure.
    """
    limits = httpx.Limits(keepalive_expiry=1.0)
    return bounded_client.open_client(seconds, limits=limits, most_bytes=MOST_BYTES)


def bearer(token: SecretStr | None) -> dict[str, str]:
    """The header that authenticates an operator; empty if no token is set."""
    return {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}


class Problem(msgspec.Struct):
    """The problem document (RFC 9457) of a refusal."""

    title: str = ""
    detail: str = ""


def read_problem(response: httpx.Response) -> Problem | None:
    """None if the response is not a problem document."""
    try:
        return read_document(response.content, Problem)
    except DocumentError:
        return None


def not_this_service(name: str, url: str, setting: str, error: DocumentError) -> CommandError:
    return CommandError(
        f"The server at {url} is not {name} ({error}): set {setting} to the address of {name}."
    )


class ServiceClient:
    """Sends requests to one service. Every CommandError tells the user what to do next.

    `name` appears in messages. `setting` is the variable that holds the service's address, by
    default derived from its name. `start` describes how to start it. `token` is sent with each
    request.
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
        """The response, whatever its status. Raises CommandError if there is none.

        `again`: whether to retry when the connection breaks.
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
        """The decoded body. Raises CommandError if it is not a `kind`."""
        try:
            return read_document(response.content, kind)
        except DocumentError as error:
            where = str(response.url.copy_with(query=None))
            raise self.failed(where, error) from error

    def failed(self, _where: str, error: Exception) -> CommandError:
        """The error for a missing response or, after a DocumentError, for a wrong server."""
        if isinstance(error, DocumentError):
            return not_this_service(self.name, self.url, self.setting, error)
        return CommandError(
            f"{self.name} does not respond at {self.url} ({str(error) or type(error).__name__}): "
            f"{self._start}, or set {self.setting} to its address."
        )
