"""Reads what the far ends list over HTTP: typed, page by page or line by line.

Whatever keeps a list from being read to its end raises EvidenceUnreadable: half a list would
make the other half look lost. An answer that was cut is asked for again, a few times.
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
#: Of a list that is streamed, so much is held in memory, and the rest on the disk.
MEMORY_BYTES = 1024 * 1024
T = TypeVar("T")


class EvidenceClient(ServiceClient):
    """A service or a server that is asked for what it knows. Raises EvidenceUnreadable."""

    def get(self, path: str, kind: type[T], **query: str | int) -> T:
        response = self.ask("GET", path, query=query or None)
        self._expect_ok(response)
        return self.read(response, kind)

    def find(self, path: str, kind: type[T]) -> T | None:
        """None for what the service does not know."""
        response = self.ask("GET", path)
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        self._expect_ok(response)
        return self.read(response, kind)

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
                f"{self.name} at {self.url} does not take this OPERATOR_TOKEN: set it to the one "
                "that the service was started with, then run the command again."
            )
        if not response.is_success:
            raise EvidenceUnreadable(
                f"{self.name} at {self.url} answers {response.status_code} to "
                f"{response.url.path}: look into its log, then run the audit again."
            )

    def failed(self, where: str, error: Exception) -> EvidenceUnreadable:
        """Nobody is there, or whoever is there cannot be read to the end."""
        if isinstance(error, httpx.ConnectError):
            return EvidenceUnreadable(
                f"{self.name} does not answer at {self.url}: start it, or set {self.setting} "
                "to where it is, then run the audit again."
            )
        return self._unreadable(where, error)

    def _unreadable(self, where: str, cause: object) -> EvidenceUnreadable:
        return EvidenceUnreadable(
            f"{self.name} at {where} cannot be read ({cause or type(cause).__name__}): "
            "mend that, then run the audit again."
        )
