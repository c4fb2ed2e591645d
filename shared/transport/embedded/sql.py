"""The SQL of the embedded broker: its tables and every statement on them."""

#: A delivery is in one of four states. Each state has an index that contains no other rows, so
#: receiving costs the same with 100,000 stored messages as with ten:
#: ready     due is null, dead_at is null
#: retrying  due is when the delay ends, token is null
#: leased    due is when the lease expires, token identifies the holder
#: dead      dead_at and dead_reason are set
#: An event is stored once for all queues, in the order of publishing. It stays after its
#: deliveries are done, until `REMOVE_EXPIRED` deletes it.
SCHEMA = (
    """CREATE TABLE IF NOT EXISTS queues (name TEXT PRIMARY KEY) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS messages (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        type TEXT NOT NULL,
        source TEXT NOT NULL,
        time TEXT NOT NULL,
        key TEXT NOT NULL,
        traceparent TEXT NOT NULL,
        body BLOB NOT NULL,
        stored_at REAL NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS deliveries (
        id INTEGER PRIMARY KEY,
        queue TEXT NOT NULL REFERENCES queues (name),
        message INTEGER NOT NULL REFERENCES messages (seq),
        attempt INTEGER NOT NULL DEFAULT 1,
        first_failure TEXT,
        first_failure_at TEXT,
        last_failure TEXT,
        last_failure_at TEXT,
        due REAL,
        token TEXT,
        dead_reason TEXT,
        dead_at TEXT
    )""",
    """CREATE INDEX IF NOT EXISTS ready ON deliveries (queue)
        WHERE due IS NULL AND dead_at IS NULL""",
    """CREATE INDEX IF NOT EXISTS waiting ON deliveries (queue, due) WHERE due IS NOT NULL""",
    """CREATE INDEX IF NOT EXISTS dead ON deliveries (queue, dead_at) WHERE dead_at IS NOT NULL""",
    # Only for `REMOVE_EXPIRED`, which would otherwise search all deliveries for each message.
    """CREATE INDEX IF NOT EXISTS held ON deliveries (message)""",
)

#: The columns that `to_message` reads, in its order.
MESSAGE_COLUMNS = """m.id, m.type, m.source, m.time, m.key, m.traceparent, m.body, d.attempt,
    d.first_failure, d.first_failure_at, d.last_failure, d.last_failure_at"""

DECLARE = "INSERT OR IGNORE INTO queues (name) VALUES (?)"
QUEUE = "SELECT 1 FROM queues WHERE name = ?"
ANY_QUEUE = "SELECT 1 FROM queues LIMIT 1"

STORE_MESSAGE = """
    INSERT INTO messages (id, type, source, time, key, traceparent, body, stored_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""

STORE_DELIVERIES = """
    INSERT INTO deliveries (queue, message, attempt,
        first_failure, first_failure_at, last_failure, last_failure_at)
    SELECT name, ?, ?, ?, ?, ?, ? FROM queues"""

#: Deletes messages that were stored before a time and are in no queue. It reads from the oldest
#: message up to the first that is newer than that, which is usually one row.
REMOVE_EXPIRED = """
    DELETE FROM messages WHERE seq IN (
        SELECT m.seq FROM messages AS m
        WHERE m.seq < (SELECT seq FROM messages WHERE stored_at >= ? ORDER BY seq LIMIT 1)
            AND NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.message = m.seq)
        ORDER BY m.seq LIMIT ?)"""

NEWEST = "SELECT coalesce(max(seq), 0) FROM messages"

#: A page of stored messages, as they were published. Null bounds are ignored.
STORED = """
    SELECT m.seq, m.stored_at, m.id, m.type, m.source, m.time, m.key, m.traceparent, m.body,
        1, NULL, NULL, NULL, NULL
    FROM messages AS m
    WHERE m.seq >= coalesce(:first, 0) AND m.seq <= :last
        AND (:past IS NULL OR m.seq < :past)
        AND (:first_at IS NULL OR m.stored_at >= :first_at)
        AND (:past_at IS NULL OR m.stored_at < :past_at)
    ORDER BY m.seq LIMIT :limit"""

#: SQLite treats a negative limit as no limit.
NO_LIMIT = -1

OLDEST_DEAD = f"""
    SELECT d.id, d.dead_reason, d.dead_at, {MESSAGE_COLUMNS}
    FROM deliveries AS d JOIN messages AS m ON m.seq = d.message
    WHERE d.queue = ? AND d.dead_at IS NOT NULL AND (d.dead_at, d.id) > (?, ?)
    ORDER BY d.dead_at, d.id LIMIT ?"""  # noqa: S608 - only constants are filled in

COUNT_DEAD = "SELECT count(*) FROM deliveries WHERE queue = ? AND dead_at IS NOT NULL"

#: Adds a new delivery: at the end of the queue, at the first attempt and without a history.
REDRIVE = """
    INSERT INTO deliveries (queue, message)
    SELECT queue, message FROM deliveries WHERE id = ?"""
REMOVE = "DELETE FROM deliveries WHERE id = ?"

DEPTH = """
    SELECT
        (SELECT count(*) FROM deliveries
            WHERE queue = :queue AND due IS NULL AND dead_at IS NULL)
        + (SELECT count(*) FROM deliveries
            WHERE queue = :queue AND due IS NOT NULL AND (token IS NOT NULL OR due <= :now)),
        (SELECT count(*) FROM deliveries
            WHERE queue = :queue AND due > :now AND token IS NULL),
        (SELECT count(*) FROM deliveries
            WHERE queue = :queue AND dead_at IS NOT NULL)"""

IS_DUE = """
    SELECT
        EXISTS (SELECT 1 FROM deliveries
            WHERE queue = :queue AND due IS NULL AND dead_at IS NULL)
        OR EXISTS (SELECT 1 FROM deliveries WHERE queue = :queue AND due <= :now)"""

#: Ends delays and leases that are over.
MAKE_READY = "UPDATE deliveries SET due = NULL, token = NULL WHERE queue = ? AND due <= ?"

OLDEST_READY = f"""
    SELECT d.id, {MESSAGE_COLUMNS}
    FROM deliveries AS d JOIN messages AS m ON m.seq = d.message
    WHERE d.queue = ? AND d.due IS NULL AND d.dead_at IS NULL
    ORDER BY d.id LIMIT ?"""  # noqa: S608 - only constants are filled in

LEASE = "UPDATE deliveries SET due = ?, token = ? WHERE id = ?"

#: The statements below change a delivery only while the caller holds its lease.
RENEW = "UPDATE deliveries SET due = ? WHERE id = ? AND token = ?"
RETURN = "UPDATE deliveries SET due = NULL, token = NULL WHERE id = ? AND token = ?"
DONE = "DELETE FROM deliveries WHERE id = ? AND token = ?"
RETRY = """
    UPDATE deliveries SET token = NULL, due = ?, attempt = ?, first_failure = ?,
        first_failure_at = ?, last_failure = ?, last_failure_at = ?
    WHERE id = ? AND token = ?"""
BURY = """
    UPDATE deliveries SET token = NULL, due = NULL, dead_reason = ?, dead_at = ?
    WHERE id = ? AND token = ?"""
