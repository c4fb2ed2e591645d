"""An authority, what it has issued, and brokers that use it."""

from collections.abc import Iterator

import pytest

from tests.certificates import Authority
from tests.conftest import skip_or_fail
from tests.integration.tls import brokers
from tests.integration.tls.brokers import HOST, TlsBroker
from tools.servers import ServerMissing
from tools.servers.tls import TlsFiles


@pytest.fixture(scope="package")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="package")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another one, which nobody here should trust."""
    return Authority(tmp_path_factory.mktemp("tls") / "stranger")


@pytest.fixture(scope="package")
def files(authority: Authority) -> TlsFiles:
    return authority.issue("server", HOST)


@pytest.fixture(scope="package")
def expired(authority: Authority) -> TlsFiles:
    return authority.issue("expired", HOST, expired=True)


@pytest.fixture(scope="package", params=["rabbitmq", "kafka", "kafka_with_login"])
def tls_broker(
    request: pytest.FixtureRequest, files: TlsFiles, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TlsBroker]:
    start = getattr(brokers, request.param)
    try:
        with start(files, tmp_path_factory.mktemp(request.param)) as broker:
            yield broker
    except ServerMissing as missing:
        skip_or_fail(str(missing))
