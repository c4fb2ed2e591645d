"""Failing events are retried, dead-lettered, and recovered by a redrive."""

import time

from shared.transport import Message
from tests.asking import client
from tests.e2e.books import Books
from tests.e2e.patience import eventually
from tests.e2e.shop import CONSUMERS, LADDER_IS_OVER_SECONDS, Shop
from tests.e2e.stacks import LADDER


def behave(shop: Shop, **behaviour: object) -> None:
    url = shop.stack.urls["sms_gateway"] + "/behaviour"
    client().put(url, json=behaviour).raise_for_status()


def test_a_gateway_error_for_everyone_is_an_outage_without_dead_letters(
    books: Books,
) -> None:
    shop = books.shop
    for status in (400, 404, 500):
        behave(shop, failRate=1.0, failStatus=status)
        books.place(5)
        eventually(
            lambda said=str(status): said in str(shop.get("sms", "/health/ready")["reason"]),  # type: ignore[misc]
            f"sms waits because of {status}",
        )
    time.sleep(LADDER_IS_OVER_SECONDS)
    assert shop.dead() == {}
    behave(shop, failRate=0.0)
    books.balance()


def test_permanent_failures_are_dead_lettered_and_can_be_redriven(books: Books) -> None:
    shop = books.shop
    shop.fault("sms", "--failures", "1")
    orders = books.place(5)
    eventually(lambda: shop.dead() == {"sms": 5}, "five dead letters")
    attempts = len(LADDER) + 1
    for order, reason in shop.dead_letters("sms").items():
        assert order in orders
        assert reason.startswith(f"gave up after {attempts} attempts")
    assert sorted(shop.audit()["services"]["sms"]["deadLettered"]) == sorted(orders)

    shop.fault("sms", "--clear")
    letters = shop.dlq("list", "sms")
    assert {letter["orderId"] for letter in letters} == set(orders)
    first = letters[0]["handle"]
    assert len(shop.dlq("redrive", "sms", first)["redriven"]) == 1
    assert len(shop.dlq("redrive", "sms", "--all")["redriven"]) == 4
    books.balance()


def test_a_flaky_gateway_only_costs_attempts(books: Books) -> None:
    shop, before = books.shop, len(books.shop.log_of("sms"))
    behave(shop, failRate=0.2, failStatus=500, loseAnswerRate=0.2)
    # Enough orders to hit both kinds of failure; the chance of missing one is 1 in 50 million.
    books.place(80)
    shop.audit()
    said = shop.log_of("sms")[before:]
    assert "delivery.retried" in said
    assert "dependency.unavailable" in said
    behave(shop, failRate=0.0, loseAnswerRate=0.0)
    shop.dlq("redrive", "sms", "--all")
    books.balance()


def test_invalid_messages_are_dead_lettered_and_block_nothing(books: Books) -> None:
    shop = books.shop
    garbage = Message(id="", type="", source="", time="", key="", body=b"\xff\x00 not an event")
    with shop.broker.publisher() as publisher:
        publisher.publish([garbage])
    books.place(10)
    eventually(lambda: shop.dead() == dict.fromkeys(CONSUMERS, 1), "all give up")
    for name in CONSUMERS:
        [letter] = shop.broker.dead_letters(name).browse(10)
        assert letter.message.body == garbage.body
        assert len(shop.dlq("discard", name, "--all", "--yes")["discarded"]) == 1
    books.balance()
