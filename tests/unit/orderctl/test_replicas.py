"""Three containers behind one name: each is queried for its own state."""

from collections.abc import Callable, Iterable, Sequence

import httpx
import pytest

from orderctl.audit.backlog import BacklogProbe
from orderctl.doctor.checks import check_services
from orderctl.doctor.finding import Finding, Level
from orderctl.doctor.services import combined_health
from orderctl.health import Health
from orderctl.replicas import ip_addresses, replicas
from tests.unit.orderctl.audit.far_ends import FakeBroker, FarEnds, addresses, json

URL = "http://email:8001"
HOSTS = ("10.0.0.1", "10.0.0.2", "10.0.0.3")
EACH = tuple(f"http://{host}:8001" for host in HOSTS)

Answer = Callable[[], httpx.Response]


def test_a_name_with_several_addresses_is_several_processes() -> None:
    asked: list[str] = []

    def resolve(host: str) -> Sequence[str]:
        asked.append(host)
        return HOSTS

    assert tuple(replicas(URL, resolve)) == EACH
    assert asked == ["email"]


def test_a_name_with_one_address_is_kept() -> None:
    assert replicas(URL, lambda _host: HOSTS[:1]) == [URL]


def test_an_unresolvable_name_is_kept() -> None:
    def fail(host: str) -> Sequence[str]:
        raise OSError(f"no such host: {host}")

    assert replicas(URL, fail) == [URL]


@pytest.mark.parametrize("url", ["http://[", f"http://{'x' * 70}.example:1", "http://a..b:1"])
def test_an_invalid_name_is_kept(url: str) -> None:
    assert replicas(url) == [url]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_this_machine_is_one_process(host: str) -> None:
    assert ip_addresses(host) == ["127.0.0.1"]


def saying(*answers: Answer) -> httpx.Client:
    """A client in which each host has its own response; a host without one refuses."""
    by_host = dict(zip(HOSTS, answers, strict=False))

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host not in by_host:
            raise httpx.ConnectError("refused")
        return by_host[request.url.host]()

    return httpx.Client(transport=httpx.MockTransport(answer))


def holding(number: int) -> Answer:
    return lambda: json({"ready": True, "unsettled": number})


def waiting() -> httpx.Response:
    return json({"ready": False, "reason": "SMTP refuses", "unsettled": 1}, 503)


def test_the_doctor_sums_the_held_deliveries() -> None:
    client = saying(holding(0), holding(2), holding(3))
    assert combined_health(client, URL, lambda _url: EACH) == Health(ready=True, unsettled=5)


def test_the_doctor_reports_any_waiting_replica_and_ignores_gone_ones() -> None:
    client = saying(holding(2), waiting)
    assert combined_health(client, URL, lambda _url: EACH) == Health(
        False, "SMTP refuses", unsettled=3
    )
    assert combined_health(saying(), URL, lambda _url: EACH) is None


def test_the_doctor_checks_each_replica() -> None:
    client = saying(holding(2), waiting)
    where: dict[str, Sequence[str]] = {URL: EACH}
    addresses_of_email = addresses("email").model_copy(update={"email_url": URL})
    found = check_services(client, addresses_of_email, lambda url: where.get(url, [url]))
    assert [(f.level, EACH[number] in f.saw) for number, f in enumerate(of_email(found))] == [
        (Level.OK, True),
        (Level.PROBLEM, True),
        (Level.PROBLEM, True),
    ]


def of_email(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.about == "email"]


def audited(*answers: Answer) -> tuple[int | None, Sequence[str]]:
    """The audit's view of email: the number of held deliveries, and the reason for waiting."""
    far, replies = FarEnds(), iter(answers)
    far.answers["email", "/health/ready"] = lambda _request: next(replies)()
    three = BacklogProbe(
        addresses("email"), far.client(), FakeBroker(), lambda url: [url] * len(answers)
    )
    seen = three()
    return seen.unsettled["email"], seen.problems


def test_the_audit_is_not_quiet_while_any_replica_holds_a_delivery() -> None:
    assert audited(holding(0), holding(0), holding(1)) == (1, ())
    assert audited(holding(0), holding(0), holding(0)) == (0, ())


def test_the_audit_reports_why_a_replica_is_waiting() -> None:
    assert audited(holding(2), waiting) == (3, ("email: SMTP refuses",))
