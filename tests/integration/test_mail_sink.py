"""The mail sink as a process: mails accepted with 250 survive `kill -9`."""

import signal
import smtplib
import threading
from pathlib import Path

from orderctl.stack.ports import free_port
from services.email.handler import confirmation
from tests.builders import an_event
from tests.pipeline import Pipeline
from tests.service_process import ServiceProcess
from tests.waiting import eventually


def keep_sending(port: int, taken: list[str], killed: threading.Event) -> None:
    """Send mails until the sink is killed, recording the accepted ones."""
    while not killed.is_set():
        event = an_event()
        try:
            with smtplib.SMTP("127.0.0.1", port, timeout=5) as smtp:
                smtp.send_message(confirmation(event))
                taken.append(event.id)
        except OSError:
            return


def listed(sink: ServiceProcess) -> list[str]:
    mails = sink.get("/api/v1/messages?limit=1000")["messages"]
    return [mail["MessageID"].removesuffix("@orders.example") for mail in mails]


def test_a_killed_sink_loses_no_accepted_mail(tmp_path: Path) -> None:
    port, taken, killed = free_port(), list[str](), threading.Event()
    with Pipeline(tmp_path).simulator("mail_sink", SMTP_PORT=str(port)) as sink:
        senders = [
            threading.Thread(target=keep_sending, args=(port, taken, killed)) for _ in range(32)
        ]
        for sender in senders:
            sender.start()
        eventually(lambda: len(taken) > 100)
        sink.end(signal.SIGKILL)
        killed.set()
        for sender in senders:
            sender.join()
        sink.start()
        kept = listed(sink)
    assert set(taken) <= set(kept)
    # The kill cut off at most one reply per connection.
    assert len(kept) - len(taken) <= len(senders)


def test_a_stop_answers_the_mails_in_progress(tmp_path: Path) -> None:
    port, taken, stopped = free_port(), list[str](), threading.Event()
    with Pipeline(tmp_path).simulator("mail_sink", SMTP_PORT=str(port)) as sink:
        senders = [
            threading.Thread(target=keep_sending, args=(port, taken, stopped)) for _ in range(8)
        ]
        for sender in senders:
            sender.start()
        eventually(lambda: len(taken) > 20)
        sink.end(signal.SIGTERM)
        stopped.set()
        for sender in senders:
            sender.join()
        sink.start()
        assert sorted(listed(sink)) == sorted(taken)
