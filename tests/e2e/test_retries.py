"""Failing events are retried, dead-lettered, and recovered by a redrive."""

import time
from functools import partial

import httpx
import pytest

from shared.transport import Message
from tests.e2e.shop import LADDER, LADDER_IS_OVER_SECONDS, Shop, eventually


def has_given_up(shop: Shop, service: str) -> bool:
    return shop.broker().depth(service).dead == 1


def behave(shop: Shop, **behaviour: object) -> None:
    url = shop.stack.urls["sms_gateway"] + "/behaviour"
    httpx.put(url, json=behaviour, timeout=10).raise_for_status()


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_gateway_error_for_everyone_is_an_outage_without_dead_letters(
    shop: Shop, status: int
) -> None:
    shop.open()
    behave(shop, failRate=1.0, failStatus=status)
    shop.place(5)
    eventually(
        lambda: str(status) in str(shop.get("sms", "/health/ready")["reason"]), what="not ready"
    )
    shop.place(5)
    time.sleep(LADDER_IS_OVER_SECONDS)
    assert shop.broker().depth("sms").dead == 0
    behave(shop, failRate=0.0)
    shop.assert_kept(10)


def test_permanent_failures_are_dead_lettered_and_can_be_redriven(shop: Shop) -> None:
    shop.open()
    shop.fault("sms", "--failures", "1")
    orders = shop.place(5)
    eventually(lambda: shop.broker().depth("sms").dead == 5, what="five dead letters")
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
    shop.assert_kept(5)


def test_a_flaky_gateway_only_costs_attempts(shop: Shop) -> None:
    shop.open()
    behave(shop, failRate=0.2, failStatus=500, loseAnswerRate=0.2)
    # Enough orders to hit both kinds of failure; the chance of missing one is 1 in 50 million.
    shop.place(80)
    shop.audit()
    log = shop.stack.log("sms").read_text()
    assert "delivery.retried" in log
    assert "dependency.unavailable" in log
    behave(shop, failRate=0.0, loseAnswerRate=0.0)
    shop.dlq("redrive", "sms", "--all")
    shop.assert_kept(80)


def test_invalid_messages_are_dead_lettered_and_block_nothing(shop: Shop) -> None:
    shop.open()
    garbage = Message(id="", type="", source="", time="", key="", body=b"\xff\x00 not an event")
    with shop.broker().publisher() as publisher:
        publisher.publish([garbage])
    shop.place(10)
    for name in ("email", "sms", "inventory", "analytics"):
        eventually(partial(has_given_up, shop, name), what=f"{name} gives up")
        [letter] = shop.broker().dead_letters(name).browse(10)
        assert letter.message.body == garbage.body
        assert "missing" in letter.reason
    for name in ("email", "sms", "inventory", "analytics"):
        assert len(shop.dlq("discard", name, "--all", "--yes")["discarded"]) == 1
    shop.assert_kept(10)
