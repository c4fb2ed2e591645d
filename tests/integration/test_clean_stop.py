"""A process that is told to end does so in order and in time, whatever its clients do.

They are started as people start them: how they end has much to do with how they began.
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
#: gunicorn kills after 30 s. Nothing here takes longer than a second by itself.
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
    """Not started."""
    engine = open_database(sqlite_url)
    create_schema(engine, order_tables)
    engine.dispose()
    return ServiceProcess("services.order", tmp_path, start_python, DATABASE_URL=sqlite_url)


def assert_ends_in_order(service: ServiceProcess, *, within: float = IN_TIME) -> None:
    eventually(service.has_ended, within=within)
    assert "SIGKILL" not in service.log
    assert "Traceback" not in service.log


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_begun_after_the_signal_whatever_clients_do(
    pipeline: Pipeline, mail_server: SmtpServer, email: ServiceProcess, ending: signal.Signals
) -> None:
    events = [an_event(user=f"usr-{number}") for number in range(200)]
    pipeline.publish(*events)
    with held(email.url, HALF_A_BODY.replace(b"/orders", b"/events"), 3):
        eventually(lambda: mail_server.mails)
        email.tell(ending)
        before = len(mail_server.mails)
        assert_ends_in_order(email)
    # Those in hand, and those that were begun in the moment before the signal arrived.
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
    email.tell(signal.SIGTERM)
    eventually(lambda: not _answers(email), within=3)
    assert_ends_in_order(email)
    assert len(mail_server.mails) == 1
    assert pipeline.depth("email").ready == 0


def _answers(service: ServiceProcess) -> bool:
    try:
        connect(service.url).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("sent", [b"", HALF_A_HEAD, HALF_A_BODY, ASKED_FOR_MUCH])
def test_a_client_that_stalls_does_not_hold_up_the_end(order: ServiceProcess, sent: bytes) -> None:
    with order, held(order.url, sent, 4, small_window=True):
        order.tell(signal.SIGTERM)
        assert_ends_in_order(order, within=12)


def test_a_second_signal_does_not_cut_the_first_one_short(
    pipeline: Pipeline, mail_server: SmtpServer, email: ServiceProcess
) -> None:
    mail_server.delay = 0.5
    pipeline.publish(an_event())
    eventually(lambda: mail_server.commands)
    for _ in range(3):
        email.tell(signal.SIGTERM)
        time.sleep(0.3)
    assert_ends_in_order(email)
    assert len(mail_server.mails) == 1


def test_a_call_without_an_end_is_left_behind(
    pipeline: Pipeline, mail_server: SmtpServer, email: ServiceProcess
) -> None:
    # Up to the dot all is bounded by seconds. Its answer is waited for far longer than a stop may.
    mail_server.answers["end"] = HANG
    pipeline.publish(an_event())
    eventually(lambda: mail_server.taken)
    email.tell(signal.SIGTERM)
    assert_ends_in_order(email, within=29)
    assert "process.left_threads_behind" in email.log
    assert pipeline.depth("email").ready == 1
    assert starts_left(pipeline, "email") == 0


def starts_left(pipeline: Pipeline, service: str) -> int:
    """Rows that would make events suspicious, as if the process had died of them."""
    engine = open_database(pipeline.database_url(service))
    with reading(engine) as tx:
        found = tx.scalar(select(func.count()).select_from(email_tables.starts))
    engine.dispose()
    return found or 0


#: Serves; what runs beside it does not stop when it is told to.
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


def test_what_never_stops_is_left_behind() -> None:
    command = [sys.executable, "-c", ENDLESS, str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"started\n"
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=29)
    assert b"SIGKILL" not in said
    assert process.returncode == 0


@pytest.mark.parametrize("delay", [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5])
def test_a_signal_during_the_start_ends_it(order: ServiceProcess, delay: float) -> None:
    order.begin()
    try:
        time.sleep(delay)
        order.tell(signal.SIGTERM)
        eventually(order.has_ended, within=IN_TIME)
    finally:
        order.end()
    assert "SIGKILL" not in order.log


def test_the_streams_of_the_dashboard_end_with_it(tmp_path: Path) -> None:
    stream = b"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with ExitStack() as stack:
        page = stack.enter_context(ServiceProcess("services.dashboard", tmp_path, start_python))
        watchers = stack.enter_context(held(page.url, stream, 3))
        for watcher in watchers:
            read_until(watcher, b"retry")
        page.tell(signal.SIGTERM)
        assert_ends_in_order(page, within=12)
        assert [is_open(watcher) for watcher in watchers] == [False] * 3
