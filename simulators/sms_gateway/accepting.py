"""Accepts texts, once per idempotency key; a text is on the disk before the response."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import Engine, RowMapping, select

from shared.database.bulk_insert import insert_new_rows
from shared.database.engine import reading, writing
from shared.database.group_commit import GroupCommit
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


class Texts:
    """The accepted texts. Those that come at the same time are committed together."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._accepting = GroupCommit(self._accept_all)

    def accept(self, key: str, new: NewText) -> tuple[dict[str, Any], bool]:
        """The accepted text, and whether it is new. Raises KeyReused."""
        row = {
            "idempotency_key": key,
            "to": new.to,
            "text": new.text,
            "accepted_at": datetime.now(UTC),
        }
        text, is_new = self._accepting.do(row)
        if (text["to"], text["text"]) != (new.to, new.text):
            raise KeyReused(f"the key {key} was used before, with another text")
        return _shown(text), is_new

    def _accept_all(self, rows: Sequence[dict[str, Any]]) -> list[tuple[RowMapping, bool]]:
        key = texts.c.idempotency_key
        keys = [row["idempotency_key"] for row in rows]
        with writing(self._engine) as tx:
            new = set(insert_new_rows(tx, texts, rows, key=key))
            found = tx.execute(select(texts).where(key.in_(keys))).mappings().all()
        by_key = {row["idempotency_key"]: row for row in found}
        answers = []
        for each in keys:
            # Of several with the same key, one is new.
            answers.append((by_key[each], each in new))
            new.discard(each)
        return answers

    def accepted(self, *, after: int, limit: int) -> list[dict[str, Any]]:
        """The next `limit` texts after the one with the id `after`, oldest first."""
        query = select(texts).where(texts.c.seq > after).order_by(texts.c.seq).limit(limit)
        with reading(self._engine) as tx:
            return [_shown(row) for row in tx.execute(query).mappings()]


def _shown(row: RowMapping) -> dict[str, Any]:
    return {
        "id": str(row["seq"]),
        "idempotencyKey": row["idempotency_key"],
        "to": row["to"],
        "text": row["text"],
        "acceptedAt": row["accepted_at"],
    }
