"""Accepts texts, once per idempotency key; a text is on the disk before the response."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import Connection, Engine, RowMapping, select

from shared.database.engine import insert, reading, writing
from shared.events import Identifier
from simulators.sms_gateway.schema import texts

#: The most characters of a text: ten parts of 160.
MAX_LENGTH = 1600


class NewText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /messages`."""

    to: Identifier
    text: Annotated[str, Meta(min_length=1, max_length=MAX_LENGTH)]


class KeyReused(Exception):
    """The idempotency key was used before, with another text."""


def accept(engine: Engine, key: str, new: NewText) -> tuple[dict[str, Any], bool]:
    """The accepted text, and whether it is new. Raises KeyReused."""
    with writing(engine) as tx:
        is_new = _add(tx, key, new)
        row = tx.execute(select(texts).where(texts.c.idempotency_key == key)).mappings().one()
    if (row["to"], row["text"]) != (new.to, new.text):
        raise KeyReused(f"the key {key} was used before, with another text")
    return _shown(row), is_new


def _add(tx: Connection, key: str, new: NewText) -> bool:
    row = {
        "idempotency_key": key,
        "to": new.to,
        "text": new.text,
        "accepted_at": datetime.now(UTC),
    }
    statement = insert(tx, texts).on_conflict_do_nothing().returning(texts.c.seq)
    return tx.execute(statement, row).one_or_none() is not None


def accepted(engine: Engine, *, after: int, limit: int) -> list[dict[str, Any]]:
    """The next `limit` texts after the one with the id `after`, oldest first."""
    query = select(texts).where(texts.c.seq > after).order_by(texts.c.seq).limit(limit)
    with reading(engine) as tx:
        return [_shown(row) for row in tx.execute(query).mappings()]


def _shown(row: RowMapping) -> dict[str, Any]:
    return {
        "id": str(row["seq"]),
        "idempotencyKey": row["idempotency_key"],
        "to": row["to"],
        "text": row["text"],
        "acceptedAt": row["accepted_at"],
    }
