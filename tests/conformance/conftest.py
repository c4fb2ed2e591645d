"""Runs each test in this folder on every transport that it applies to."""

import pytest

from shared.transport import Broker
from tests.conformance.transports import LADDER, SERVICES, TRANSPORTS, Transport, transports_for


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "transport" in metafunc.fixturenames:
        names = transports_for(metafunc.function.__name__)
        metafunc.parametrize("transport", names, indirect=True)


@pytest.fixture
def transport(request: pytest.FixtureRequest) -> Transport:
    return TRANSPORTS[request.param](request)


@pytest.fixture
def bare(transport: Transport) -> Broker:
    """A broker without any declared queue."""
    return transport.connect(LADDER)


@pytest.fixture
def broker(bare: Broker) -> Broker:
    """A broker with the queues of two services."""
    bare.declare(SERVICES)
    return bare
