"""Finds the mail and the text of an order at the mail server and the SMS gateway."""

from datetime import datetime
from typing import Any

import msgspec

from services.dashboard.watched_service import NoResponse, WatchedService

#: Number of mails to search, and of texts per page.
SEARCHED = 1000
#: The domain of the Message-IDs of the email service.
MAIL_DOMAIN = "orders.example"


class _Mail(msgspec.Struct, rename="pascal"):
    id: str = msgspec.field(name="ID")
    message_id: str = msgspec.field(name="MessageID", default="")


class _Mails(msgspec.Struct):
    messages: list[_Mail]


class _Address(msgspec.Struct, rename="pascal"):
    address: str = ""


class _WholeMail(msgspec.Struct, rename="pascal"):
    subject: str = ""
    text: str = ""
    to: list[_Address] = []


class _Text(msgspec.Struct, rename="camel"):
    idempotency_key: str | None
    to: str
    text: str
    accepted_at: datetime


class _Texts(msgspec.Struct):
    messages: list[_Text]
    next: str | None = None


class DownstreamSystems:
    """The mail server and the SMS gateway: the messages they accepted for an event."""

    def __init__(self, mail: WatchedService, gateway: WatchedService) -> None:
        self._mail = mail
        self._gateway = gateway

    def mail(self, event_id: str) -> dict[str, Any]:
        """`{"to", "subject", "text", "copies"}`, or `{"reason"}` if there is none."""
        wanted = f"{event_id}@{MAIL_DOMAIN}"
        try:
            newest = self._mail.get("/api/v1/messages", _Mails, {"limit": SEARCHED}).messages
            ids = [mail.id for mail in newest if mail.message_id == wanted]
            if not ids:
                return {"reason": f"not among the newest {SEARCHED} accepted mails"}
            mail = self._mail.get(f"/api/v1/message/{ids[0]}", _WholeMail)
        except NoResponse as error:
            return {"reason": str(error)}
        to = ", ".join(each.address for each in mail.to)
        return {"to": to, "subject": mail.subject, "text": mail.text, "copies": len(ids)}

    def text(self, event_id: str) -> dict[str, Any]:
        """`{"to", "text", "at"}`, or `{"reason"}` if there is none."""
        after: str | None = "0"
        try:
            # The gateway lists the oldest texts first; a demo has only a few pages.
            while after is not None:
                page = self._gateway.get("/messages", _Texts, {"limit": SEARCHED, "after": after})
                for text in page.messages:
                    if text.idempotency_key == event_id:
                        return {"to": text.to, "text": text.text, "at": text.accepted_at}
                after = page.next
        except NoResponse as error:
            return {"reason": str(error)}
        return {"reason": "the gateway has not accepted one"}
