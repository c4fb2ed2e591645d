"""What gunicorn's worker does with a connection that cannot be accepted."""

import errno
from collections import deque
from typing import Any

import pytest

from shared.serving.worker import Worker


class Lone(Worker):
    """Without gunicorn's arbiter and sockets: there is nothing that it could close."""

    def __init__(self) -> None:
        self.pending_conns: deque[Any] = deque()
        self.keepalived_conns: deque[Any] = deque()
        self._lingering = deque()
        self.switched: list[bool] = []

    def set_accept_enabled(self, enabled: bool) -> None:
        self.switched.append(enabled)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_without_descriptors_it_accepts_again_later_and_does_not_die(code: int) -> None:
    worker = Lone()
    worker._cannot_accept(OSError(code, "no more"))
    assert worker.switched == [False]


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.ECONNABORTED])
def test_a_client_that_has_gone_again_changes_nothing(code: int) -> None:
    worker = Lone()
    worker._cannot_accept(OSError(code, "gone"))
    assert worker.switched == []


def test_any_other_error_of_its_socket_ends_it() -> None:
    with pytest.raises(OSError, match="bad"):
        Lone()._cannot_accept(OSError(errno.EBADF, "bad"))
