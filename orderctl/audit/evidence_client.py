"""Reads lists from services and downstream systems over HTTP, page by page or line by line.

A list that cannot be read to its end raises EvidenceUnreadable, since its other half would look
lost. A truncated response is requested again, a few times.
"""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, TypeVar

import httpx

from orderctl.ask_again import ask_again
from orderctl.errors import EvidenceUnreadable
from orderctl.http_client import ServiceClient
from shared.errors import DocumentError
from shared.http.bounded_client import LINE_BY_LINE
from shared.http.documents import read_document

PAGE = 1000
#: How much of a streamed list is held in memory; the rest is on disk.
MEMORY_BYTES = 1024 * 1024
T = TypeVar("T")


class EvidenceClient(ServiceClient):
    """Reads evidence from one service or server. Raises EvidenceUnreadable."""

    def get(self, path: str, kind: type[T], **query: str | int) -> T:
        response = self.ask("GET", path, query=query or None)
        self._expect_ok(response)
        return self.read(response, kind)

    def find(self, path: str, kind: type[T]) -> T | None:
        """The decoded body, or None after a 404."""
        response = self.ask("GET", path)
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        self._expect_ok(response)
        return self.read(response, kind)

    def lines(self, path: str, kind: type[T]) -> Iterator[T]:
        """The objects of a streamed list, one per line, once its end has been received.

        This way a truncated list yields nothing, and the service does not wait for the caller.
        """
        with SpooledTemporaryFile(MEMORY_BYTES) as whole:
            try:
                ask_again(lambda: self._fetch(path, whole))
                whole.seek(0)
                yield from (read_document(line, kind) for line in whole if line.strip())
            except (httpx.HTTPError, DocumentError, OSError) as error:
                raise self.failed(self.url + path, error) from error

    def _fetch(self, path: str, whole: IO[bytes]) -> None:
        whole.seek(0)
        whole.truncate()
        with self.client.stream(
            "GET", self.url + path, headers=self.headers, extensions=LINE_BY_LINE
        ) as response:
            self._expect_ok(response)
            for piece in response.iter_bytes():
                whole.write(piece)

    def stuck(self, path: str) -> EvidenceUnreadable:
        return self._unreadable(self.url + path, "its pages do not lead to an end")

    def incomplete(self, path: str, got: int, total: int) -> EvidenceUnreadable:
        return self._unreadable(self.url + path, f"it lists {got} of {total}")

    def _expect_ok(self, response: httpx.Response) -> None:
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise EvidenceUnreadable(
                f"{self.name} at {self.url} rejects this OPERATOR_TOKEN: set it to the one that "
                "the service was started with, then run the command again."
            )
        if not response.is_success:
            raise EvidenceUnreadable(
                f"{self.name} at {self.url} responded with {response.status_code} to "
                f"{response.url.path}: check its log, then run the audit again."
            )

    def failed(self, where: str, error: Exception) -> EvidenceUnreadable:
        """The error for a service that is down, or for an unreadable response."""
        if isinstance(error, httpx.ConnectError):
            return EvidenceUnreadable(
                f"{self.name} does not respond at {self.url}: start it, or set {self.setting} to "
                "its address, then run the audit again."
            )
        return self._unreadable(where, error)

    def _unreadable(self, where: str, cause: object) -> EvidenceUnreadable:
        return EvidenceUnreadable(
            f"{self.name} at {where} cannot be read ({cause or type(cause).__name__}): "
            "fix that, then run the audit again."
        )
