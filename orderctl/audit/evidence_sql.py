"""The SQL statements of the audit's evidence store."""

OPEN = """
    DROP TABLE IF EXISTS orders;
    DROP TABLE IF EXISTS answers;
    DROP TABLE IF EXISTS effects;
    DROP TABLE IF EXISTS found;
    DROP TABLE IF EXISTS replays;
    CREATE TABLE orders (
        id INTEGER PRIMARY KEY, order_id TEXT UNIQUE, event_id TEXT, status TEXT,
        is_half_done INTEGER, placed_at REAL, document BLOB);
    CREATE INDEX by_event ON orders (event_id);
    CREATE TABLE answers (order_id TEXT, event_id TEXT, status INTEGER);
    CREATE TABLE effects (
        service TEXT, event_id TEXT, base TEXT, replay TEXT, part TEXT, content TEXT, mentions TEXT,
        listed_as TEXT, UNIQUE (service, listed_as));
"""
#: Counts equal effects together, and assigns each to its order.
CLOSE = """
    CREATE TABLE found AS
        SELECT service, event_id, base, replay, part, content, max(mentions) AS mentions,
            count(*) AS times, 0 AS on_purpose,
            (SELECT id FROM orders WHERE orders.event_id = base ORDER BY id LIMIT 1) AS owner
        FROM effects GROUP BY service, event_id, part, content;
    DROP TABLE effects;
    CREATE INDEX by_owner ON found (owner, service);
    CREATE TABLE replays AS SELECT DISTINCT service, replay FROM found WHERE replay != '';
"""
ORDERS = """
    SELECT orders.id, document, found.event_id, part, content, times, on_purpose
    FROM orders LEFT JOIN found ON found.service = ? AND owner = orders.id
    ORDER BY orders.id, found.rowid"""
#: The first `most` events of a replay among those placed before its end.
ALLOW = """
    UPDATE found SET on_purpose = 1 WHERE service = :service AND replay = :replay AND base IN (
        SELECT DISTINCT base FROM found JOIN orders ON orders.id = owner
        WHERE service = :service AND replay = :replay AND placed_at <= :until LIMIT :most)"""
ANSWERS = """
    SELECT DISTINCT answers.order_id, answers.event_id, answers.status, orders.status
    FROM answers LEFT JOIN orders ON orders.order_id = answers.order_id
        AND answers.event_id IN ('', orders.event_id)"""

ADD_ORDER = """
    INSERT OR IGNORE INTO orders (order_id, event_id, status, is_half_done, placed_at, document)
    VALUES (?, ?, ?, ?, ?, ?)"""
ADD_ANSWER = "INSERT INTO answers VALUES (?, ?, ?)"
ADD_EFFECT = "INSERT OR IGNORE INTO effects VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
COUNT_EFFECTS = "SELECT count(*) FROM effects WHERE service = ?"

WITHOUT_OWNER = "SELECT rowid, mentions FROM found WHERE owner IS NULL AND mentions != ''"
FIND_ORDER = "SELECT id FROM orders WHERE order_id = ?"
SET_OWNER = "UPDATE found SET owner = ? WHERE rowid = ?"
REPLAYS = "SELECT service, replay FROM replays ORDER BY service, replay"

COUNT_ORDERS = "SELECT count(*) FROM orders WHERE status = ?"
HALF_DONE = """
    SELECT order_id, status, (
        SELECT group_concat(DISTINCT service) FROM found
        WHERE found.event_id = orders.event_id AND owner = orders.id)
    FROM orders WHERE is_half_done ORDER BY id"""
COUNT_ANSWERS = "SELECT count(*) FROM answers"
COUNT_PROMISED = "SELECT count(DISTINCT order_id) FROM answers"
ORPHANS = "SELECT DISTINCT event_id FROM found WHERE service = ? AND owner IS NULL ORDER BY rowid"
ON_PURPOSE = "SELECT DISTINCT event_id FROM found WHERE service = ? AND on_purpose ORDER BY rowid"
REPEATED = "SELECT event_id, times FROM found WHERE service = ? AND times > 1 ORDER BY rowid"
COUNT_REPEATS = "SELECT coalesce(sum(times - 1), 0) FROM found WHERE service = ?"
