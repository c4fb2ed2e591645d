"""How gunicorn's worker handles connections that cannot be accepted."""

import errno
from collections import deque
from typing import Any

import pytest

from shared.serving.worker import Worker


class Lone(Worker):
    """A worker without gunicorn's arbiter and sockets, so without anything to close."""

    def __init__(self) -> None:
        self.pending_conns: deque[Any] = deque()
        self.keepalived_conns: deque[Any] = deque()
        self._lingering = deque()
        self.switched: list[bool] = []

    def set_accept_enabled(self, enabled: bool) -> None:
        self.switched.append(enabled)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_without_free_descriptors_it_accepts_again_later(code: int) -> None:
    worker = Lone()
    worker._cannot_accept(OSError(code, "no more"))
    assert worker.switched == [False]


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.ECONNABORTED])
def test_a_client_that_disconnected_changes_nothing(code: int) -> None:
    worker = Lone()
    worker._cannot_accept(OSError(code, "gone"))
    assert worker.switched == []


def test_any_other_socket_error_ends_the_worker() -> None:
    with pytest.raises(OSError, match="bad"):
        Lone()._cannot_accept(OSError(errno.EBADF, "bad"))
