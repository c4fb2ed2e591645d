"""PostgreSQL over TLS, with everything checked; and a service whose database cannot be trusted."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.database.engine import open_database, reading
from shared.errors import DatabaseUnavailable
from shared.sqlite_address import sqlite_url
from tests.builders import an_event
from tests.certificates import Authority
from tests.conftest import skip_or_fail
from tests.integration.tls.brokers import HOST
from tests.pipeline import LADDER, Pipeline, lines, wait_ready
from tests.service_process import ServiceProcess
from tests.waiting import eventually, stays
from tools.servers import PostgresServer, ServerMissing
from tools.servers.tls import TlsFiles


@pytest.fixture(scope="module")
def server(files: TlsFiles) -> Iterator[PostgresServer]:
    yield from started(files)


@pytest.fixture(scope="module")
def server_expired(expired: TlsFiles) -> Iterator[PostgresServer]:
    yield from started(expired)


def started(files: TlsFiles | None) -> Iterator[PostgresServer]:
    try:
        with PostgresServer(files) as server:
            yield server
    except ServerMissing as missing:
        skip_or_fail(str(missing))


def address(server: PostgresServer, query: str, host: str = HOST) -> str:
    return f"postgresql://postgres@{host}:{server.port}/postgres?{query}"


def checked(ca: Path) -> str:
    return f"sslmode=verify-full&sslrootcert={ca}"


def encrypted(url: str) -> bool:
    engine = open_database(url)
    try:
        with reading(engine) as tx:
            found = tx.scalar(
                text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"),
            )
            return bool(found)
    finally:
        engine.dispose()


def test_statements_go_over_tls(server: PostgresServer, authority: Authority) -> None:
    assert encrypted(address(server, checked(authority.file)))
    assert encrypted(address(server, f"sslrootcert={authority.file}"))
    assert not encrypted(address(server, "sslmode=disable"))


@pytest.mark.parametrize("query", ["sslmode=verify-full&sslrootcert={ca}", "sslrootcert={ca}"])
def test_an_authority_that_is_not_trusted(
    server: PostgresServer, stranger: Authority, query: str
) -> None:
    url = address(server, query.format(ca=stranger.file))
    with pytest.raises(DatabaseUnavailable, match="sslrootcert in DATABASE_URL takes the file"):
        encrypted(url)


def test_a_certificate_for_another_host(server: PostgresServer, authority: Authority) -> None:
    url = address(server, checked(authority.file), "127.0.0.1")
    with pytest.raises(DatabaseUnavailable, match="connect by a name that is in the server's"):
        encrypted(url)


def test_a_certificate_that_has_expired(
    server_expired: PostgresServer, authority: Authority
) -> None:
    # libpq does not say what is wrong with it.
    with pytest.raises(DatabaseUnavailable, match="or it is out of date"):
        encrypted(address(server_expired, checked(authority.file)))


@pytest.mark.parametrize("query", ["sslmode=verify-full&sslrootcert={ca}", "sslrootcert={ca}"])
def test_a_server_without_tls_gets_nothing_in_plain_text(
    postgres: PostgresServer, authority: Authority, query: str
) -> None:
    with pytest.raises(DatabaseUnavailable, match="does not support SSL"):
        encrypted(address(postgres, query.format(ca=authority.file)))


def test_a_consumer_that_does_not_trust_its_database(
    server: PostgresServer, authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    pipeline, event = Pipeline(tmp_path), an_event()
    pipeline.publish(event)
    trusted = address(server, checked(authority.file))
    service = pipeline.service("analytics", DATABASE_URL=trusted)
    bad = {"DATABASE_URL": address(server, checked(stranger.file))}
    settings = {"BROKER_URL": sqlite_url(tmp_path / "broker.db"), "RETRY_LADDER": LADDER}
    with ServiceProcess("services.analytics", tmp_path, **settings, **bad) as distrusting:
        eventually(lambda: "sslrootcert" in distrusting.get("/health/ready")["reason"])
        stays(lambda: not distrusting.get("/health/ready")["ready"], for_seconds=1.5)
        depth = pipeline.depth("analytics")
        assert (depth.ready, depth.retrying, depth.dead) == (1, 0, 0)
    with service:
        wait_ready(service)
        pipeline.wait_settled("analytics")
        assert [effect["eventId"] for effect in lines(service, "/effects")] == [event.id]
