"""Reads what the far ends list over HTTP: typed, page by page or line by line.

Whatever keeps a list from being read to its end raises EvidenceUnreadable: half a list would
make the other half look lost. An answer that was cut is asked for again, a few times.
"""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, TypeVar

import httpx
from pydantic import SecretStr

from orderctl.ask_again import ask_again
from orderctl.errors import EvidenceUnreadable
from shared.errors import DocumentError
from shared.http import bounded_client
from shared.http.documents import read_document

PAGE = 1000
#: Of a list that is streamed, so much is held in memory, and the rest on the disk.
MEMORY_BYTES = 1024 * 1024
#: A page of the longest orders that the order service takes has 64 MB.
MOST_BYTES = 128 * 1024 * 1024
CALL_SECONDS = 30.0
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


class ServiceClient:
    """One service or server that is asked for what it knows; `name` is for messages.

    `token` is sent along where the answer is for operators only.
    """

    def __init__(
        self, client: httpx.Client, name: str, url: str, token: SecretStr | None = None
    ) -> None:
        self._client = client
        self._name = name
        self._url = url.rstrip("/")
        self._headers = bearer(token)

    def get(self, path: str, kind: type[T], **query: str | int) -> T:
        return self._read(path, kind, self._ask(path, **query))

    def find(self, path: str, kind: type[T]) -> T | None:
        """None for what the service does not know."""
        response = self._ask(path)
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        return self._read(path, kind, response)

    def _ask(self, path: str, **query: str | int) -> httpx.Response:
        url, headers = self._url + path, self._headers
        try:
            return ask_again(lambda: self._client.get(url, params=query, headers=headers))
        except httpx.HTTPError as error:
            raise self._unreadable(path, error) from error

    def _read(self, path: str, kind: type[T], response: httpx.Response) -> T:
        self._expect_ok(response)
        try:
            return read_document(response.content, kind)
        except DocumentError as error:
            raise self._unreadable(path, error) from error

    def lines(self, path: str, kind: type[T]) -> Iterator[T]:
        """The objects of a list that is streamed, one a line, once its end has been seen.

        So nothing of an answer that was cut is given to anybody, and the service does not wait
        for what is done with each object.
        """
        with SpooledTemporaryFile(MEMORY_BYTES) as whole:
            try:
                ask_again(lambda: self._fetch(path, whole))
                whole.seek(0)
                yield from (read_document(line, kind) for line in whole if line.strip())
            except (httpx.HTTPError, DocumentError, OSError) as error:
                raise self._unreadable(path, error) from error

    def _fetch(self, path: str, whole: IO[bytes]) -> None:
        whole.seek(0)
        whole.truncate()
        with self._client.stream(
            "GET", self._url + path, headers=self._headers, extensions=bounded_client.LINE_BY_LINE
        ) as response:
            self._expect_ok(response)
            for piece in response.iter_bytes():
                whole.write(piece)

    def stuck(self, path: str) -> EvidenceUnreadable:
        return self._unreadable(path, "its pages do not lead to an end")

    def incomplete(self, path: str, got: int, total: int) -> EvidenceUnreadable:
        return self._unreadable(path, f"it lists {got} of {total}")

    def _expect_ok(self, response: httpx.Response) -> None:
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise EvidenceUnreadable(
                f"{self._name} at {self._url} does not take this OPERATOR_TOKEN: set it to the one "
                "that the service was started with, then run the command again."
            )
        if not response.is_success:
            raise EvidenceUnreadable(
                f"{self._name} at {self._url} answers {response.status_code} to "
                f"{response.url.path}: look into its log, then run the audit again."
            )

    def _unreadable(self, path: str, cause: object) -> EvidenceUnreadable:
        setting = self._name.upper().replace(" ", "_").replace("ORDER_RELAY", "RELAY") + "_URL"
        if isinstance(cause, httpx.ConnectError):
            return EvidenceUnreadable(
                f"{self._name} does not answer at {self._url}: start it, or set {setting} "
                "to where it is, then run the audit again."
            )
        return EvidenceUnreadable(
            f"{self._name} at {self._url}{path} cannot be read ({cause or type(cause).__name__}): "
            "mend that, then run the audit again."
        )
