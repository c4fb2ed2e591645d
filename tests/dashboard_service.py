"""The dashboard's HTTP side, with fake services behind it."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx
from pydantic import SecretStr

from services.dashboard.watched_service import WatchedService

TOKEN = "a-token-for-operators"
Answers = dict[tuple[str, str], Any]


class FakeServices:
    """`answers` maps method and path to JSON, a status or an error; anything else gets 404.

    `requests` records the requests in order.
    """

    def __init__(self, answers: Mapping[tuple[str, str], Any] | None = None) -> None:
        self.answers: Answers = dict(answers or {})
        self.requests: list[httpx.Request] = []
        self.client = httpx.Client(transport=httpx.MockTransport(self._answer))

    def neighbour(self, name: str = "email") -> WatchedService:
        return WatchedService(name, f"http://{name}", SecretStr(TOKEN), self.client)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.get((request.method, request.url.path), 404)
        if isinstance(answer, Callable):  # type: ignore[arg-type]
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return httpx.Response(answer, json={"detail": f"told to answer {answer}"})
        return httpx.Response(200, json=answer)
