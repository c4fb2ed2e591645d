"""Runs the replays of a service, one at a time, in a thread beside its consumer."""

import threading
from collections.abc import Callable
from contextlib import closing, suppress

import structlog

from shared.errors import DatabaseUnavailable, PipelineError, ReplayRefused
from shared.replay.appliers import Applier
from shared.replay.run import ReplayRun, Stopped, waiting_on
from shared.replay.shapes import DONE, FAILED, INTERRUPTED
from shared.replay.store import Replays
from shared.replay.table import Request, StoredReplay
from shared.replay.tally import Tally
from shared.transport import Archive, Span
from shared.transport.archive import parse_point

log = structlog.get_logger()

#: Renewals per lease: one of them may fail or be late.
RENEWALS = 3
#: Seconds for which a stop waits for the batch in hand. A slower one may outlast it.
STOP_SECONDS = 5.0
#: Seconds for which recording the end of a replay is retried.
WRITE_SECONDS = 5.0

WAS_STOPPED = "the service was stopped; run it again: applied events stay applied"

ApplierFor = Callable[[StoredReplay], Applier]


class Replayer:
    """`archive` opens the stored events; `applier_for` makes the applier of a replay.

    `resends`: whether the service sends something (a mail, a text) that can be sent again.
    """

    def __init__(
        self,
        replays: Replays,
        archive: Callable[[], Archive],
        applier_for: ApplierFor,
        *,
        resends: bool = False,
    ) -> None:
        self.replays = replays
        self.resends = resends
        self._archive = archive
        self._applier_for = applier_for
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, on_death: Callable[[], None]) -> None:
        """Does nothing: a replay runs on request."""

    def stop(self) -> None:
        """Stop after the batch in hand; the replay is then marked as interrupted."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def begin(self, request: Request) -> StoredReplay:
        """Start a replay. Raises SpanError, ReplayRefused and DatabaseUnavailable."""
        self._expect_possible(request)
        span_of(request)
        return self._launch(self.replays.begin(request))

    def begin_again(self, replay_id: str) -> StoredReplay:
        self._expect_running()
        return self._launch(self.replays.begin_again(replay_id))

    def does(self, replay: StoredReplay) -> str:
        return self._applier_for(replay).does

    def _expect_possible(self, request: Request) -> None:
        self._expect_running()
        if request.resend and not self.resends:
            raise ReplayRefused("this service sends nothing, so it cannot send anything again")

    def _expect_running(self) -> None:
        if self._stopping.is_set():
            raise ReplayRefused("the service is stopping")

    def _launch(self, replay: StoredReplay) -> StoredReplay:
        self._thread = threading.Thread(
            target=self._run, args=[replay], name=f"replay-{replay.id}", daemon=True
        )
        self._thread.start()
        return replay

    def _run(self, replay: StoredReplay) -> None:
        log.info("replay.started", replay=replay.id)
        tally, over, lost = Tally(), threading.Event(), threading.Event()
        keeper = threading.Thread(
            target=self._keep_lease, args=[replay, over, lost], name="replay-lease", daemon=True
        )
        keeper.start()
        try:
            state, reason = self._outcome(replay, tally, lost)
        finally:
            over.set()
            keeper.join()
        self._write_end(replay, state, tally, reason)
        log.info("replay.ended", replay=replay.id, state=state, reason=reason, seen=tally.seen)

    def _outcome(
        self, replay: StoredReplay, tally: Tally, lost: threading.Event
    ) -> tuple[str, str | None]:
        try:
            self._replay(replay, tally, lost)
        except Stopped:
            return INTERRUPTED, WAS_STOPPED
        except PipelineError as error:
            return FAILED, str(error)
        except Exception as error:
            log.exception("replay.died", replay=replay.id)
            return FAILED, f"an unexpected error, see the log: {type(error).__name__}: {error}"
        return DONE, None

    def _replay(self, replay: StoredReplay, tally: Tally, lost: threading.Event) -> None:
        run = ReplayRun(
            self._applier_for(replay),
            tally,
            dry_run=replay.request.dry_run,
            wait=waiting_on(self._stopping, lost),
            keep=lambda: self._keep_tally(replay, tally, lost),
        )
        with closing(self._archive().read(span_of(replay.request))) as stored:
            run.all_of(stored)

    def _keep_tally(self, replay: StoredReplay, tally: Tally, lost: threading.Event) -> None:
        # The counts are for people; if the database is down, the next batch waits for it anyway.
        with suppress(DatabaseUnavailable):
            if not self.replays.progress(replay, tally):
                lost.set()

    def _keep_lease(
        self, replay: StoredReplay, over: threading.Event, lost: threading.Event
    ) -> None:
        while not over.wait(self.replays.lease / RENEWALS):
            with suppress(DatabaseUnavailable):
                if not self.replays.progress(replay):
                    lost.set()
                    return

    def _write_end(
        self, replay: StoredReplay, state: str, tally: Tally, reason: str | None
    ) -> None:
        """If the database stays down, the lease expires and the replay counts as interrupted."""
        for _ in range(int(WRITE_SECONDS)):
            try:
                self.replays.end(replay, state, tally, reason)
            except DatabaseUnavailable as error:
                log.warning("replay.end_not_written", replay=replay.id, reason=str(error))
                self._stopping.wait(1.0)
            else:
                return


def span_of(request: Request) -> Span:
    """Raises SpanError."""
    end = None if request.end is None else parse_point(request.end)
    return Span(parse_point(request.start), end)
