"""The generated requests of test_fuzz_order.py, over a socket and through gunicorn."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from schemathesis import Case

from tests.documented import TOKEN, make_consistent, schema
from tests.documented_service import DocumentedService
from tests.service_process import ServiceProcess
from tests.serving import served as at_an_address

documented = schema(examples=15)


@dataclass(frozen=True)
class Served:
    server: ServiceProcess
    beside: DocumentedService


# Without a parameter, schemathesis gives all its tests one name, and of those with one name
# pytest-xdist runs only the first.
@pytest.fixture(scope="module", params=["gunicorn"])
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server, and the in-process service that placed an order in the same database."""
    folder = tmp_path_factory.mktemp("served")
    url = f"sqlite:///{folder / 'test.db'}"
    settings = {"DATABASE_URL": url, "OPERATOR_TOKEN": TOKEN}
    with (
        DocumentedService(url) as beside,
        at_an_address(a_neighbour()) as email,
        ServiceProcess(
            "services.order", folder, CONSUMER_URLS=f"email={email}", **settings
        ) as server,
    ):
        yield Served(server, beside)


def a_neighbour() -> Flask:
    """A consumer that applies every event but reports no journey."""
    app = Flask(__name__)
    app.add_url_rule("/events", "events", lambda: {"outcome": "applied"}, methods=["POST"])
    return app


@documented.parametrize()
def test_every_response_is_documented_and_refused_requests_write_nothing(
    case: Case, served: Served
) -> None:
    served.beside.forget_keys()
    make_consistent(case)
    before = served.beside.content()
    answer = case.call_and_validate(base_url=served.server.url)
    if answer.status_code not in (201, 202):
        assert served.beside.content() == before
