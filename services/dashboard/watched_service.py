"""The services that the dashboard asks, over HTTP and with the operators' token."""

from collections.abc import Mapping
from typing import TypeVar

import httpx
import msgspec
from pydantic import SecretStr

from shared.errors import DocumentError, PipelineError
from shared.http import bounded_client
from shared.http.documents import read_document

#: Somebody looks at a screen: a service that takes longer is shown as one that does not answer.
PATIENCE_SECONDS = 2.0
T = TypeVar("T")
Query = Mapping[str, str | int] | None


class NoAnswer(PipelineError):
    """A service does not answer, or not with what was asked for; the message is for people."""


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""
    reason: str | None = None


def open_client(timeout: float) -> httpx.Client:
    """No connection is used again, since gunicorn closes an idle one when it likes."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return bounded_client.open_client(timeout, limits=limits)


class WatchedService:
    """One service. `client` bounds how long it is waited for."""

    def __init__(self, name: str, url: str, token: SecretStr, client: httpx.Client) -> None:
        self.name = name
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        self._client = client

    def get(self, path: str, kind: type[T], query: Query = None, *, also: int = 200) -> T:
        """`also`: another status with which it answers what was asked. Raises NoAnswer."""
        return self._read(self.send("GET", path, query=query), kind, also)

    def post(self, path: str, body: object, kind: type[T]) -> T:
        return self._read(self.send("POST", path, msgspec.json.encode(body)), kind)

    def send(
        self, method: str, path: str, body: bytes = b"", query: Query = None
    ) -> httpx.Response:
        """Whatever it answers. Raises NoAnswer when it does not."""
        headers = self._headers | ({"Content-Type": "application/json"} if body else {})
        try:
            return self._client.request(
                method, self._url + path, content=body, params=query, headers=headers
            )
        except httpx.TimeoutException as error:
            raise NoAnswer(f"{self.name} does not answer in time") from error
        except httpx.HTTPError as error:
            raise NoAnswer(f"{self.name} does not answer at {self._url}") from error

    def _read(self, response: httpx.Response, kind: type[T], also: int = 200) -> T:
        if not response.is_success and response.status_code != also:
            raise NoAnswer(f"{self.name} answers {response.status_code}{_why(response)}")
        try:
            return read_document(response.content, kind)
        except DocumentError as error:
            raise NoAnswer(f"{self.name} answers what cannot be read: {error}") from error


def _why(response: httpx.Response) -> str:
    try:
        problem = read_document(response.content, _Problem)
    except DocumentError:
        return ""
    detail = problem.detail or problem.reason or problem.title
    return f": {detail}" if detail else ""
