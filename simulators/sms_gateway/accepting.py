"""Accepting a text: once for each idempotency key, and on the disk before it is answered."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import Connection, Engine, RowMapping, select

from shared.database.engine import insert, reading, writing
from shared.events import Identifier
from simulators.sms_gateway.schema import texts

#: What one text may hold: ten parts of 160 characters.
MAX_LENGTH = 1600


class NewText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /messages`."""

    to: Identifier
    text: Annotated[str, Meta(min_length=1, max_length=MAX_LENGTH)]


class KeyReused(Exception):
    """The idempotency key came before, with another text."""


def accept(engine: Engine, key: str, new: NewText) -> tuple[dict[str, Any], bool]:
    """The accepted text, and whether it is new. Raises KeyReused."""
    with writing(engine) as tx:
        is_new = _add(tx, key, new)
        row = tx.execute(select(texts).where(texts.c.idempotency_key == key)).mappings().one()
    if (row["to"], row["text"]) != (new.to, new.text):
        raise KeyReused(f"the text that came with the key {key} before was another one")
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
