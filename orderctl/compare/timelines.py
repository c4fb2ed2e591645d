"""Extracts the timeline of one measured order per mode."""

from collections.abc import Sequence
from datetime import datetime

import httpx
import msgspec

from orderctl.audit.evidence_client import EvidenceClient
from orderctl.compare.customers import CustomerAnswer
from orderctl.compare.results import Bar, Waterfall
from orderctl.compare.runner import ObservedRun
from shared.activity.shapes import Stop


class _Journey(msgspec.Struct):
    services: dict[str, Stop]


def waterfalls(
    runs: Sequence[ObservedRun], client: httpx.Client, order_url: str
) -> tuple[Waterfall, ...]:
    """For each run with placed orders, the one with the median response time."""
    order = EvidenceClient(client, "order", order_url)
    return tuple(
        Waterfall(run.mode, answer.seconds, _bars(answer, order))
        for run in runs
        if (answer := _median(run.placed))
    )


def _median(answers: Sequence[CustomerAnswer]) -> CustomerAnswer | None:
    ordered = sorted(answers, key=lambda answer: answer.seconds)
    return ordered[len(ordered) // 2] if ordered else None


def _bars(answer: CustomerAnswer, order: EvidenceClient) -> tuple[Bar, ...]:
    if answer.stages:
        return tuple(Bar(each.stage, each.started_seconds, each.seconds) for each in answer.stages)
    journey = order.get(f"/orders/{answer.order_id}/journey", _Journey)
    return tuple(
        Bar(name, (stop.started_at - answer.due).total_seconds(), _took(stop.started_at, stop.at))
        for name, stop in journey.services.items()
        if stop.started_at and stop.at
    )


def _took(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()
