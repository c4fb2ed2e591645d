"""Responses of running processes match their OpenAPI documents, after one order."""

from tests.asking import client
from tests.contracts import openapi, operations
from tests.documented import schema_of
from tests.e2e.books import Books

#: Names of processes where tests/contracts.py and the stack differ.
PROCESSES = {"order-relay": "relay"}


def expected(process: str, path: str) -> int:
    """The expected status: in this stack only SMS allows faults, and no replay was run."""
    if path == "/faults" and process != "sms":
        return 403
    return 404 if path == "/replays/{replayId}" else 200


def test_every_get_response_is_documented(books: Books) -> None:
    shop = books.shop
    [order] = books.place(1)
    books.balance()
    # The catalogue's products are in stock, and the mail sink has one mail.
    ids = {"orderId": order, "productId": "prod-456", "id": "1", "asset": "start.js"}
    for name, url in shop.stack.urls.items():
        process = PROCESSES.get(name, name)
        document = openapi(process)
        schema = schema_of(document, examples=1)
        for method, path, _ in operations(document):
            if method == "GET":
                at = url + path.format(**ids, replayId="none")
                answer = client().get(at, headers=shop.as_operator())
                assert answer.status_code == expected(process, path), (name, path, answer.text)
                schema[path][method].validate_response(answer)
