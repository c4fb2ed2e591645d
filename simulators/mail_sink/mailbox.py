"""Stores accepted mails, and returns them as in Mailpit's API."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from typing import Any

from sqlalchemy import Engine, Row, delete, func, select

from shared.database.engine import reading, writing
from shared.database.group_commit import GroupCommit
from simulators.mail_sink.schema import mails

#: The number of characters of a mail's text in lists.
SNIPPET = 200

_SUMMARY = [column for column in mails.columns if column.name != "raw"]


class Mailbox:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._adding = GroupCommit(self._insert)

    def add(self, sender: str, recipients: Sequence[str], raw: bytes) -> None:
        """Store a mail durably, together with those that wait. Raises DatabaseUnavailable."""
        # The default policy accepts malformed headers, so that every mail is accepted.
        mail: Message = message_from_bytes(raw)
        row = {
            "message_id": str(mail.get("Message-ID", "")).strip().strip("<>"),
            "subject": str(mail.get("Subject", "")).strip(),
            "sender": sender,
            "recipients": list(recipients),
            "raw": raw,
            "size": len(raw),
            "accepted_at": datetime.now(UTC),
            "snippet": _snippet(mail),
        }
        self._adding.do(row)

    def _insert(self, rows: Sequence[dict[str, Any]]) -> Sequence[None]:
        with writing(self._engine) as tx:
            tx.execute(mails.insert(), rows)
        return [None] * len(rows)

    def count(self) -> int:
        with reading(self._engine) as tx:
            return tx.scalar(select(func.count()).select_from(mails)) or 0

    def newest(self, *, start: int, limit: int) -> list[dict[str, Any]]:
        """`limit` mails, newest first, skipping the first `start`."""
        query = select(*_SUMMARY).order_by(mails.c.seq.desc()).offset(start).limit(limit)
        with reading(self._engine) as tx:
            return [_summary(row) for row in tx.execute(query)]

    def find(self, id: str) -> dict[str, Any] | None:
        """One mail with its text."""
        query = select(mails).where(mails.c.seq == _number(id))
        with reading(self._engine) as tx:
            row = tx.execute(query).one_or_none()
        return _summary(row) | {"Text": _text(message_from_bytes(row.raw))} if row else None

    def raw(self, id: str) -> bytes | None:
        """One mail, byte for byte as it was received."""
        with reading(self._engine) as tx:
            return tx.scalar(select(mails.c.raw).where(mails.c.seq == _number(id)))

    def remove(self, ids: Collection[str]) -> None:
        """Remove these mails, or all of them if `ids` is empty, as in Mailpit."""
        query = delete(mails)
        if ids:
            query = query.where(mails.c.seq.in_([_number(id) for id in ids]))
        with writing(self._engine) as tx:
            tx.execute(query)


def _number(id: str) -> int:
    """The sequence number in an id; 0, which no mail has, for an invalid id."""
    return int(id) if id.isascii() and id.isdigit() and len(id) < 19 else 0


def _summary(row: Row[Any]) -> dict[str, Any]:
    return {
        "ID": str(row.seq),
        "MessageID": row.message_id,
        "From": _address(row.sender),
        "To": [_address(recipient) for recipient in row.recipients],
        "Subject": row.subject,
        "Created": row.accepted_at,
        "Size": row.size,
        "Snippet": row.snippet,
    }


def _address(address: str) -> dict[str, str]:
    return {"Name": "", "Address": address}


def _snippet(mail: Message) -> str:
    """The beginning of the text, abridged as Mailpit does."""
    words = " ".join(_text(mail).split())
    return words if len(words) <= SNIPPET else words[:SNIPPET] + "..."


def _text(mail: Message) -> str:
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            return payload.decode(errors="replace") if isinstance(payload, bytes) else ""
    return ""
