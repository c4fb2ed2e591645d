"""Odd responses in place of a service's: orderctl reports them, without a traceback."""

import httpx
import msgspec
import pytest
from flask import Flask, Response

from orderctl.audit.backlog import BacklogProbe
from orderctl.audit.evidence_client import EvidenceClient
from orderctl.doctor.finding import Level
from orderctl.doctor.services import check_outbox, check_service, health_of
from orderctl.errors import EvidenceUnreadable
from orderctl.place.baskets import Basket
from orderctl.place.order_client import NotAccepted, OrderClient
from orderctl.stack.parts import StackPlan
from orderctl.stack.readiness import open_client, why_not_ready
from tests.builders import NO_DOCUMENTS
from tests.serving import served
from tests.unit.orderctl.audit.far_ends import FakeBroker, FarEnds, addresses

URL = "http://127.0.0.1:8000"

odd_contents = pytest.mark.parametrize("content", NO_DOCUMENTS.values(), ids=NO_DOCUMENTS)


class Row(msgspec.Struct):
    reason: str


def answering(content: bytes, status: int = 200) -> httpx.Client:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=content)

    return httpx.Client(transport=httpx.MockTransport(answer))


@odd_contents
def test_the_doctor_reports_another_program(content: bytes) -> None:
    client = answering(content)
    found = check_service(client, "email", URL)
    assert (found.level, found.saw) == (Level.PROBLEM, f"another server is using {URL}")
    assert health_of(client, URL) is None
    assert list(check_outbox(client, URL)) == []


@odd_contents
def test_the_audit_does_not_use_it_as_evidence(content: bytes) -> None:
    service = EvidenceClient(answering(content), "order", URL)
    with pytest.raises(EvidenceUnreadable, match="cannot be read"):
        service.get("/orders", Row)


@pytest.mark.parametrize("content", [NO_DOCUMENTS["HTML"], NO_DOCUMENTS["nested deeply"]])
def test_a_list_with_an_odd_line_is_not_evidence(content: bytes) -> None:
    service = EvidenceClient(answering(b'{"reason": "good"}\n' + content + b"\n"), "inventory", URL)
    with pytest.raises(EvidenceUnreadable, match="cannot be read"):
        list(service.lines("/effects", Row))


@odd_contents
def test_a_consumer_without_a_held_count_is_not_quiet(content: bytes) -> None:
    far = FarEnds()
    far.answers["email", "/health/ready"] = lambda _: httpx.Response(503, content=content)
    with pytest.raises(EvidenceUnreadable, match="email is running at"):
        BacklogProbe(addresses("email"), far.client(), FakeBroker())()


@odd_contents
@pytest.mark.parametrize(
    ("status", "says"), [(202, "is not the order service"), (400, "refused: 400")]
)
def test_an_odd_response_does_not_accept_an_order(content: bytes, status: int, says: str) -> None:
    client = OrderClient(answering(content, status), URL, patience=1.0)
    with pytest.raises(NotAccepted, match=says):
        client.place(Basket("usr-1", ()))


@odd_contents
def test_a_part_not_ready_without_a_reason_is_reported_with_its_status(content: bytes) -> None:
    app = Flask(__name__)
    app.add_url_rule("/health/ready", view_func=lambda: Response(content, 503))
    with served(app) as url, open_client() as client:
        plan = StackPlan({"email": httpx.URL(url).port or 0}, "", database_urls=str)
        assert why_not_ready("email", plan, client) == "it responded with 503"
