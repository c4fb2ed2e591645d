"""The system on each transport: one shop for all tests of a file, or one per test."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.books import Books, SharedShops
from tests.e2e.shop import Shop
from tests.e2e.stacks import TRANSPORTS, Servers, a_stack

HAS_FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="module", params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def options() -> Mapping[str, Any]:
    """Options of `a_stack` for the stacks of a file; a file overrides this as needed."""
    return {}


@pytest.fixture(scope="module")
def servers(request: pytest.FixtureRequest) -> Servers:
    return Servers(request)


@pytest.fixture(scope="module")
def shared_shops(
    transport: str,
    options: Mapping[str, Any],
    servers: Servers,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SharedShops]:
    def make(folder: Path) -> Any:
        return a_stack(transport, folder, servers, **options)

    shops = SharedShops(make, tmp_path_factory.mktemp("shop"))
    yield shops
    shops.discard()


@pytest.fixture
def books(shared_shops: SharedShops, request: pytest.FixtureRequest) -> Iterator[Books]:
    """The running shop that the tests of this file share."""
    yield shared_shops.books()
    if request.node.stash.get(HAS_FAILED, False):
        shared_shops.discard()


@pytest.fixture
def shop(
    transport: str, options: Mapping[str, Any], servers: Servers, tmp_path: Path
) -> Iterator[Shop]:
    """A shop for this test alone, in which nothing is running yet."""
    with a_stack(transport, tmp_path / "stack", servers, **options) as stack:
        yield Shop(stack, tmp_path / "accepted.ndjson")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    if report.failed:
        item.stash[HAS_FAILED] = True
    return report
