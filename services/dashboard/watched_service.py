"""HTTP clients of the services, which send the operator token."""

from collections.abc import Mapping
from typing import TypeVar

import httpx
import msgspec
from pydantic import SecretStr

from shared.errors import DocumentError, PipelineError
from shared.http import bounded_client
from shared.http.documents import read_document

#: A person is watching, so a service that takes longer is shown as not responding.
TIMEOUT_SECONDS = 2.0
T = TypeVar("T")
Query = Mapping[str, str | int] | None


class NoResponse(PipelineError):
    """A service does not respond, or not with the expected document; the message is displayed."""


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""
    reason: str | None = None


def open_client(timeout: float) -> httpx.Client:
    """Without keep-alive, since gunicorn may close an idle connection at any time."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return bounded_client.open_client(timeout, limits=limits)


class WatchedService:
    """One service. `client` sets the timeout."""

    def __init__(self, name: str, url: str, token: SecretStr, client: httpx.Client) -> None:
        self.name = name
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        self._client = client

    def get(self, path: str, kind: type[T], query: Query = None, *, also: int = 200) -> T:
        """`also`: another status with a body of this kind. Raises NoResponse."""
        return self._read(self.send("GET", path, query=query), kind, also)

    def post(self, path: str, body: object, kind: type[T]) -> T:
        return self._read(self.send("POST", path, msgspec.json.encode(body)), kind)

    def send(
        self, method: str, path: str, body: bytes = b"", query: Query = None
    ) -> httpx.Response:
        """The response, whatever its status. Raises NoResponse if there is none."""
        headers = self._headers | ({"Content-Type": "application/json"} if body else {})
        try:
            return self._client.request(
                method, self._url + path, content=body, params=query, headers=headers
            )
        except httpx.TimeoutException as error:
            raise NoResponse(f"{self.name} does not respond in time") from error
        except httpx.HTTPError as error:
            raise NoResponse(f"{self.name} does not respond at {self._url}") from error

    def _read(self, response: httpx.Response, kind: type[T], also: int = 200) -> T:
        if not response.is_success and response.status_code != also:
            raise NoResponse(f"{self.name} responds with {response.status_code}{_why(response)}")
        try:
            return read_document(response.content, kind)
        except DocumentError as error:
            raise NoResponse(f"{self.name} sends an unreadable response: {error}") from error


def _why(response: httpx.Response) -> str:
    try:
        problem = read_document(response.content, _Problem)
    except DocumentError:
        return ""
    detail = problem.detail or problem.reason or problem.title
    return f": {detail}" if detail else ""
