"""How a consumer is composed: the wrappers around its effect."""

from pathlib import Path
from typing import Any

import pytest

from services.email.__main__ import compose as compose_email
from services.email.settings import EmailSettings
from services.inventory.__main__ import compose as compose_inventory
from services.inventory.settings import InventorySettings
from shared.consuming.effect import Effect
from shared.consuming.inbox import TransactionalEffect
from shared.consuming.lease import LeasedEffect
from shared.faults.injection import FaultyEffect

COMPOSE: dict[str, tuple[Any, Any]] = {
    "email": (compose_email, EmailSettings),
    "inventory": (compose_inventory, InventorySettings),
}


def what_is_wrapped(name: str, folder: Path, *, faults_allowed: bool) -> type[Effect]:
    """The effect passed to `wrap_effect`, the outermost wrapper."""
    compose, settings = COMPOSE[name]
    wrapped: list[type[Effect]] = []

    def wrap(effect: Effect) -> Effect:
        wrapped.append(type(effect))
        return effect

    compose(
        settings(
            database_url=f"sqlite:///{folder}/{name}.db",
            broker_url=f"sqlite:///{folder}/broker.db",
            faults_allowed=faults_allowed,
        ),
        wrap_effect=wrap,
    )
    [kind] = wrapped
    return kind


@pytest.mark.parametrize(
    ("name", "effect"), [("email", LeasedEffect), ("inventory", TransactionalEffect)]
)
def test_faults_wrap_the_effect_only_if_allowed(
    name: str, effect: type[Effect], tmp_path: Path
) -> None:
    assert what_is_wrapped(name, tmp_path, faults_allowed=False) == effect
    assert what_is_wrapped(name, tmp_path, faults_allowed=True) == FaultyEffect
