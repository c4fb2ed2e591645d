"""The database of the mail sink: every accepted mail."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from shared.database.engine import Utc

metadata = MetaData()

#: `recipients` and `sender` are those of the envelope. Several rows may have the same message id:
#: a mail that was sent twice was accepted twice. `snippet`: the beginning of the text in one line;
#: NULL in rows that are older than the column.
mails = Table(
    "mails",
    metadata,
    # SQLite numbers rows by itself only in a column that is exactly INTEGER.
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("sender", String(320), nullable=False),
    Column("recipients", JSON, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("accepted_at", Utc, nullable=False),
    Column("snippet", Text),
    sqlite_autoincrement=True,
)
