"""The page at /docs is served completely by the service, and may contact no other host."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient

from services.order.openapi.page import ASSETS, POLICY
from tests.documented_service import DocumentedService

#: The only sources that a policy may allow: this service, none, and inline data.
HERE = {"'self'", "'none'", "data:"}


@pytest.fixture
def client(sqlite_url: str) -> Iterator[FlaskClient]:
    with DocumentedService(sqlite_url) as service:
        yield service.app.test_client()


class Links(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.scripts_within: list[str] = []
        self._in_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]
        self._in_script = tag == "script"

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.scripts_within.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False


def test_everything_the_page_refers_to_is_served_here(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    links = Links(page.text)
    assert {f"/docs/{name}" for name in ASSETS} <= set(links.found)
    for link in links.found:
        assert link == "data:," or client.get(link).status_code == 200
    assert links.scripts_within == []


@pytest.mark.parametrize("path", ["/docs", *(f"/docs/{name}" for name in ASSETS)])
def test_each_part_has_the_policy(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_policy_allows_nothing_from_other_sites() -> None:
    policy = {name: set(sources) for name, *sources in map(str.split, POLICY.split(";"))}
    # Except for styles, nothing inline is allowed.
    assert policy.pop("style-src") == {"'self'", "'unsafe-inline'"}
    assert policy["default-src"] == {"'none'"}
    assert policy["script-src"] == policy["connect-src"] == {"'self'"}
    assert set().union(*policy.values()) <= HERE


def test_our_script_and_the_style_sheet_name_no_other_host(client: FlaskClient) -> None:
    lines = client.get("/docs/start.js").text.splitlines()
    assert not any("//" in line for line in lines if not line.lstrip().startswith("//"))
    sheet = client.get("/docs/swagger-ui.css").text
    addresses = re.findall(r"url\(\s*[\"']?([^\"')]{5})", sheet)
    assert set(addresses) == {"data:"}
    assert "@import" not in sheet


def test_the_page_loads_this_services_document(client: FlaskClient) -> None:
    script = client.get("/docs/start.js").text
    assert 'url: "/openapi.json"' in script
    assert "validatorUrl: null" in script
    assert "SwaggerUIBundle" in client.get("/docs/swagger-ui-bundle.js").text


def test_cached_files_are_not_sent_again(client: FlaskClient) -> None:
    etag = client.get("/docs/swagger-ui-bundle.js").headers["ETag"]
    again = client.get("/docs/swagger-ui-bundle.js", headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("name", ["page.html", "views.py", "swagger-ui.js", "..%2Fviews.py"])
def test_other_files_are_not_served(client: FlaskClient, name: str) -> None:
    assert client.get(f"/docs/{name}").status_code == 404
