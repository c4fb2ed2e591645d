"""The sink stores every mail that it accepts with 250, and shows it in Mailpit's format."""

import asyncio
import smtplib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from orderctl.stack.ports import free_port
from shared.database.engine import open_database
from shared.database.schema import create_schema
from simulators.mail_sink.mailbox import Mailbox
from simulators.mail_sink.schema import mails, metadata
from simulators.mail_sink.smtp import MAX_MAIL_BYTES, MailHandler, SmtpListener
from simulators.mail_sink.views import create_sink
from tests.builders import NO_DOCUMENTS
from tests.fakes import Outage, in_threads


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    engine = open_database(sqlite_url)
    create_schema(engine, metadata)
    yield engine
    engine.dispose()


@pytest.fixture
def client(engine: Engine) -> FlaskClient:
    return create_sink(Mailbox(engine), lambda: None).test_client()


@pytest.fixture
def smtp_port(engine: Engine) -> Iterator[int]:
    port = free_port()
    listener = SmtpListener(Mailbox(engine), "127.0.0.1", port)
    listener.start(on_death=lambda: None)
    assert listener.why_not_ready() is None
    yield port
    listener.stop()
    assert listener.why_not_ready() == "the SMTP port is closed"


def a_mail(number: int = 1, *, text: str = "Thank you.") -> EmailMessage:
    mail = EmailMessage()
    mail["Message-ID"] = f"<mail-{number}@orders.example>"
    mail["From"] = "confirmations@orders.example"
    mail["To"] = f"usr-{number}@example.com"
    mail["Subject"] = f"Your order ord-{number}"
    mail.set_content(text)
    return mail


def send(port: int, mail: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as smtp:
        smtp.send_message(mail)


def listed(client: FlaskClient, query: str = "limit=1000") -> Any:
    return client.get(f"/api/v1/messages?{query}").get_json()


def test_an_accepted_mail_is_listed_as_mailpit_would(client: FlaskClient, smtp_port: int) -> None:
    send(smtp_port, a_mail())
    page = listed(client)
    [mail] = page["messages"]
    assert page["total"] == 1
    assert mail["MessageID"] == "mail-1@orders.example"
    assert mail["Subject"] == "Your order ord-1"
    assert mail["From"] == {"Name": "", "Address": "confirmations@orders.example"}
    assert mail["To"] == [{"Name": "", "Address": "usr-1@example.com"}]
    assert {"ID", "Created", "Size"} < set(mail)


def test_a_mail_received_twice_is_stored_twice(client: FlaskClient, smtp_port: int) -> None:
    for _ in range(2):
        send(smtp_port, a_mail())
    ids = [mail["MessageID"] for mail in listed(client)["messages"]]
    assert ids == ["mail-1@orders.example"] * 2


def test_pages_list_the_newest_first(client: FlaskClient, smtp_port: int) -> None:
    for number in range(5):
        send(smtp_port, a_mail(number))
    page = listed(client, "start=1&limit=2")
    assert [mail["Subject"] for mail in page["messages"]] == [
        "Your order ord-3",
        "Your order ord-2",
    ]
    assert (page["total"], page["start"], page["messages_count"]) == (5, 1, 2)


def test_thirty_two_concurrent_connections_are_served(client: FlaskClient, smtp_port: int) -> None:
    assert in_threads(32, lambda: send(smtp_port, a_mail())) == [None] * 32
    assert listed(client)["total"] == 32


def test_a_mail_can_be_read_and_downloaded_byte_for_byte(
    client: FlaskClient, smtp_port: int
) -> None:
    send(smtp_port, a_mail(text="Grüße, 2 Kaffee"))
    [mail] = listed(client)["messages"]
    whole = client.get(f"/api/v1/message/{mail['ID']}").get_json()
    assert whole["Text"].strip() == "Grüße, 2 Kaffee"
    assert whole["Subject"] == "Your order ord-1"
    raw = client.get(f"/api/v1/message/{mail['ID']}/raw").data
    assert raw.startswith(b"Message-ID: <mail-1@orders.example>")


@pytest.mark.parametrize("id", ["7", "x", "9" * 40, "-1"])
def test_an_unknown_mail_is_a_problem(client: FlaskClient, id: str) -> None:
    assert client.get(f"/api/v1/message/{id}").status_code == 404
    assert client.get(f"/api/v1/message/{id}/raw").status_code == 404


def test_the_list_shows_the_beginning_of_each_text_in_one_line(
    client: FlaskClient, engine: Engine
) -> None:
    mailbox = Mailbox(engine)
    mailbox.add("a@example.com", ["b@example.com"], a_mail(text="Thank\n\n you.\n").as_bytes())
    mailbox.add("a@example.com", ["b@example.com"], a_mail(text="long " * 50).as_bytes())
    with engine.begin() as tx:
        tx.execute(mails.insert().from_select(*copy_without_a_snippet()))

    shown = client.get("/api/v1/messages").get_json()["messages"]

    assert [mail["Snippet"] for mail in shown] == [None, "long " * 40 + "...", "Thank you."]


def copy_without_a_snippet() -> tuple[list[str], Any]:
    """Store a mail without a snippet, as older versions did."""
    names = [c.name for c in mails.columns if c.name not in ("seq", "snippet")]
    return names, select(*(mails.c[name] for name in names)).limit(1)


@pytest.mark.parametrize(
    "raw", [b"", b"no headers at all", b"Subject: \xff\xfe\x00\r\n\r\n\x80", b":\r\n: :\r\n\r\n"]
)
def test_odd_mails_are_stored_and_shown(client: FlaskClient, engine: Engine, raw: bytes) -> None:
    Mailbox(engine).add("a@example.com", ["b@example.com"], raw)
    [mail] = listed(client)["messages"]
    assert client.get(f"/api/v1/message/{mail['ID']}").status_code == 200
    assert client.get("/").status_code == 200


def test_a_mail_that_is_too_large_is_refused(client: FlaskClient, smtp_port: int) -> None:
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        send(smtp_port, a_mail(text="x" * 70 * (MAX_MAIL_BYTES // 70) + "\n" * 1000))
    assert refused.value.smtp_code == 552
    assert listed(client)["total"] == 0


def test_a_mail_that_cannot_be_stored_gets_421(
    engine: Engine, client: FlaskClient, smtp_port: int
) -> None:
    outage = Outage(engine)
    outage.is_on = True
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(smtp_port, a_mail())
    assert refused.value.smtp_code == 421
    outage.is_on = False
    send(smtp_port, a_mail())
    assert listed(client)["total"] == 1


def test_mails_are_deleted_by_id_or_all_together(client: FlaskClient, engine: Engine) -> None:
    for number in range(3):
        Mailbox(engine).add("a@b", ["c@d"], a_mail(number).as_bytes())
    oldest = listed(client)["messages"][-1]
    client.delete("/api/v1/messages", json={"IDs": [oldest["ID"]]})
    assert listed(client)["total"] == 2
    assert client.delete("/api/v1/messages").data == b"ok"
    assert listed(client)["total"] == 0


@pytest.mark.parametrize("content", [body for body in NO_DOCUMENTS.values() if body])
def test_an_invalid_deletion_deletes_nothing(
    client: FlaskClient, engine: Engine, content: bytes
) -> None:
    Mailbox(engine).add("a@b", ["c@d"], a_mail().as_bytes())
    assert client.delete("/api/v1/messages", data=content).status_code == 400
    assert listed(client)["total"] == 1


def test_the_page_shows_mails_escaped(client: FlaskClient, engine: Engine) -> None:
    Mailbox(engine).add("a@b", ["c@d"], b"Subject: <script>alert(1)</script>\r\n\r\n")
    page = client.get("/").get_data(as_text=True)
    assert "<h1>1 mails</h1>" in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page


def test_health_checks_are_available_under_both_paths(client: FlaskClient, engine: Engine) -> None:
    assert [client.get(path).status_code for path in ("/livez", "/readyz", "/health/live")] == [
        200
    ] * 3
    assert client.get("/health/ready").get_json() == {"ready": True, "reason": None}
    assert client.get("/api/v1/info").get_json()["Messages"] == 0
    closed = create_sink(Mailbox(engine), lambda: "the SMTP port is closed").test_client()
    assert [closed.get(path).status_code for path in ("/readyz", "/health/ready")] == [503, 503]


def test_a_mail_is_in_progress_until_its_reply_was_sent(engine: Engine) -> None:
    """If a stop did not wait for that, it would close the connection before the 250."""
    handler = MailHandler(Mailbox(engine))

    async def take_a_mail() -> list[int]:
        session = Session(asyncio.get_running_loop())
        await handler.handle_DATA(SMTP(handler), session, Envelope())
        when_the_answer_is_sent = handler.in_hand
        await asyncio.sleep(0)
        return [when_the_answer_is_sent, handler.in_hand]

    # In a separate thread: this one may have an event loop that a browser test left running.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(asyncio.run, take_a_mail()).result(10) == [1, 0]
