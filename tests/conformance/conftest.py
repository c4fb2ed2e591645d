"""Runs each test of this folder on each transport to which it applies."""

import pytest

from shared.transport import Broker
from tests.conformance.transports import LADDER, SERVICES, TRANSPORTS, Transport, taking


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "transport" in metafunc.fixturenames:
        names = taking(metafunc.function.__name__)
        metafunc.parametrize("transport", names, indirect=True)


@pytest.fixture
def transport(request: pytest.FixtureRequest) -> Transport:
    return TRANSPORTS[request.param](request)


@pytest.fixture
def bare(transport: Transport) -> Broker:
    """A broker on which nothing has been declared."""
    return transport.connect(LADDER)


@pytest.fixture
def broker(bare: Broker) -> Broker:
    """A broker with the queues of two services."""
    bare.declare(SERVICES)
    return bare
