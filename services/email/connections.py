"""Connections to the mail server, kept open from one mail to the next.

A connection is kept only after a mail that the server accepted. Then nothing of that mail is left
in the conversation, so the next mail needs neither RSET nor a new greeting.
"""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from services.email.mail_server import MailServer, open_conversation
from services.email.smtp import Conversation

#: How long an unused connection is kept. Servers wait for minutes (RFC 5321, 4.5.3.2.7), but what
#: lies between may forget it sooner.
IDLE_SECONDS = 10.0


class _Kept(NamedTuple):
    conversation: Conversation
    since: float


class MailConnections:
    """Used by many threads, each of which takes a connection, and keeps it only when it is done."""

    def __init__(self, server: MailServer, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        #: The most recently used is on the right, and is the first to be used again.
        self._kept: deque[_Kept] = deque()

    def open(self, seconds: float) -> Conversation:
        """A new one, greeted and logged in. Raises OSError or DependencyUnavailable."""
        return open_conversation(self._server, seconds=seconds)

    def take(self) -> Conversation | None:
        """A connection that was used a moment ago; None if there is none."""
        with suppress(IndexError):
            kept = self._kept.pop()
            if self._clock() - kept.since < IDLE_SECONDS:
                return kept.conversation
            kept.conversation.quit()
            # The others have been idle for longer.
            self.close()
        return None

    def keep(self, conversation: Conversation) -> None:
        """For the next mail. Call it only after the server has accepted one."""
        self._kept.append(_Kept(conversation, self._clock()))
        self._leave_idle()

    def _leave_idle(self) -> None:
        """A burst needs many connections, and afterwards one is used again and again: the others
        must not use up the connections that the server allows.
        """
        with suppress(IndexError):
            while self._clock() - self._kept[0].since >= IDLE_SECONDS:
                # If another thread has just taken that one, this is the next, unused as well.
                self._kept.popleft().conversation.quit()

    def close(self) -> None:
        """Close what is not in use: at the end, or when one turned out to be dead."""
        with suppress(IndexError):
            while True:
                self._kept.popleft().conversation.quit()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
