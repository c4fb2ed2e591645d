"""A process that receives SIGTERM shuts down cleanly and in time, whatever its clients do.

Processes are started as users start them, not forked from the zygote, since that affects shutdown.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import func, select

from orderctl.stack.ports import free_port
from orderctl.stack.process import start_python
from services.email.schema import tables as email_tables
from services.order.schema import metadata as order_tables
from shared.database.engine import open_database, reading
from shared.database.schema import create_schema
from tests.builders import an_event
from tests.pipeline import Pipeline, wait_ready
from tests.raw_client import HALF_A_BODY, HALF_A_HEAD, connect, held, is_open, read_until
from tests.service_process import ServiceProcess
from tests.smtp_server import HANG, SmtpServer
from tests.waiting import eventually

ENDINGS = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT]
ASKED_FOR_MUCH = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
CONCURRENCY = 4
#: gunicorn kills a worker after 30 s. Nothing here takes longer than a second by itself.
IN_TIME = 20.0


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path, start=start_python)


@pytest.fixture
def mail_server() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def email(pipeline: Pipeline, mail_server: SmtpServer) -> Iterator[ServiceProcess]:
    with pipeline.service(
        "email",
        CONCURRENCY=str(CONCURRENCY),
        WORK_TIME="0.5",
        SMTP_HOST=mail_server.host,
        SMTP_PORT=str(mail_server.port),
    ) as made:
        wait_ready(made)
        yield made


@pytest.fixture
def order(sqlite_url: str, tmp_path: Path) -> ServiceProcess:
    """The order service; not started."""
    engine = open_database(sqlite_url)
    create_schema(engine, order_tables)
    engine.dispose()
    return ServiceProcess("services.order", tmp_path, start_python, DATABASE_URL=sqlite_url)


def assert_stops_cleanly(service: ServiceProcess, *, within: float = IN_TIME) -> None:
    eventually(service.has_ended, within=within)
    assert "SIGKILL" not in service.log
    assert "Traceback" not in service.log


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_request_is_accepted_after_the_signal(
    pipeline: Pipeline, mail_server: SmtpServer, email: ServiceProcess, ending: signal.Signals
) -> None:
    events = [an_event(user=f"usr-{number}") for number in range(200)]
    pipeline.publish(*events)
    with held(email.url, HALF_A_BODY.replace(b"/orders", b"/events"), 3):
        eventually(lambda: mail_server.mails)
        email.send_signal(ending)
        before = len(mail_server.mails)
        assert_stops_cleanly(email)
    # Requests in progress, and those that began just before the signal arrived.
    sent = len(mail_server.mails)
    assert sent <= before + 3 * CONCURRENCY
    assert "suspect" not in email.log
    assert pipeline.depth("email").ready == len(events) - sent


def test_connections_are_refused_while_the_consumer_drains(
    pipeline: Pipeline, mail_server: SmtpServer, email: ServiceProcess
) -> None:
    mail_server.delay = 0.5
    pipeline.publish(an_event())
    eventually(lambda: mail_server.commands)
    email.send_signal(signal.SIGTERM)
    eventually(lambda: not _answers(email), within=3)
    assert_stops_cleanly(email)
    assert len(mail_server.mails) == 1
    assert pipeline.depth("email").ready == 0


def _answers(service: ServiceProcess) -> bool:
    try:
        connect(service.url).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("sent", [b"", HALF_A_HEAD, HALF_A_BODY, ASKED_FOR_MUCH])
def test_a_stalled_client_does_not_delay_the_stop(order: ServiceProcess, sent: bytes) -> None:
    with order, held(order.url, sent, 4, small_window=True):
        order.send_signal(signal.SIGTERM)
        assert_stops_cleanly(order, within=12)


def test_a_second_signal_does_not_shorten_the_stop(
    pipeline: Pipeline, mail_server: SmtpServer, email: ServiceProcess
) -> None:
    mail_server.delay = 0.5
    pipeline.publish(an_event())
    eventually(lambda: mail_server.commands)
    for _ in range(3):
        email.send_signal(signal.SIGTERM)
        time.sleep(0.3)
    assert_stops_cleanly(email)
    assert len(mail_server.mails) == 1


def test_a_call_that_never_returns_does_not_delay_the_stop(
    pipeline: Pipeline, mail_server: SmtpServer, email: ServiceProcess
) -> None:
    # Every step up to the dot has a timeout of seconds. The reply to the dot may take far longer
    # than a stop.
    mail_server.answers["end"] = HANG
    pipeline.publish(an_event())
    eventually(lambda: mail_server.taken)
    email.send_signal(signal.SIGTERM)
    assert_stops_cleanly(email, within=29)
    assert "process.left_threads_behind" in email.log
    assert pipeline.depth("email").ready == 1
    assert remaining_starts(pipeline, "email") == 0


def remaining_starts(pipeline: Pipeline, service: str) -> int:
    """The number of start records, which would make events suspected of crashing the process."""
    engine = open_database(pipeline.database_url(service))
    with reading(engine) as tx:
        found = tx.scalar(select(func.count()).select_from(email_tables.starts))
    engine.dispose()
    return found or 0


#: Serves HTTP; its background thread ignores the request to stop.
ENDLESS = """
import sys, threading
from shared.http.app import create_app
from shared.serving.server import Process, serve
from shared.settings import ServiceSettings

class Endless:
    def start(self, on_death):
        print("started", flush=True)

    def stop(self):
        threading.Event().wait()

settings = ServiceSettings(port=int(sys.argv[1]))
serve(settings, lambda: Process(create_app(), Endless()))
"""


def test_a_background_thread_that_never_stops_does_not_delay_the_stop() -> None:
    command = [sys.executable, "-c", ENDLESS, str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"started\n"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=29)
    assert b"SIGKILL" not in errors
    assert process.returncode == 0


@pytest.mark.parametrize("delay", [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5])
def test_a_signal_during_startup_stops_the_process(order: ServiceProcess, delay: float) -> None:
    order.begin()
    try:
        time.sleep(delay)
        order.send_signal(signal.SIGTERM)
        eventually(order.has_ended, within=IN_TIME)
    finally:
        order.end()
    assert "SIGKILL" not in order.log


def test_the_dashboards_event_streams_end_when_it_stops(tmp_path: Path) -> None:
    stream = b"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with ExitStack() as stack:
        page = stack.enter_context(ServiceProcess("services.dashboard", tmp_path, start_python))
        watchers = stack.enter_context(held(page.url, stream, 3))
        for watcher in watchers:
            read_until(watcher, b"retry")
        page.send_signal(signal.SIGTERM)
        assert_stops_cleanly(page, within=12)
        assert [is_open(watcher) for watcher in watchers] == [False] * 3
