"""Addresses of all services: from the environment, else the running demo, else the defaults."""

import os
from typing import Any

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from orderctl.demo_folder import demo_folder, read_environment, running_demo
from shared.settings import BrokerUrl, HttpUrl, Ladder, Names, OperatorToken
from shared.transport import LADDER
from shop.consumers import CONSUMERS


class _FromDemo(BaseSettings):
    """Reads the environment first, then the file of the running demo."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, InitSettingsSource(settings_cls, _known_to_demo())


def _known_to_demo() -> dict[str, Any]:
    """The running demo's values by field name; empty if no demo is running."""
    file = running_demo(demo_folder())
    return {name.lower(): value for name, value in read_environment(file).items()} if file else {}


class OrderAddress(_FromDemo):
    """The settings of `place`."""

    order_url: HttpUrl = "http://127.0.0.1:8000"


class QueueSettings(_FromDemo):
    """The settings of the dead letter commands with --broker."""

    consumers: Names = CONSUMERS
    retry_ladder: Ladder = LADDER


class BrokerSettings(QueueSettings):
    """The settings of the dead letter commands without --broker."""

    broker_url: BrokerUrl = Field(
        description="a broker's address: amqp://user:password@host:5672/vhost, "
        "kafka://host:9092 or sqlite:///file "
        "(while orderctl demo --keep is running, the default is the demo's broker)"
    )


class ConsumerAddresses(_FromDemo):
    """The consumers' addresses and the operator token."""

    email_url: HttpUrl = "http://127.0.0.1:8001"
    sms_url: HttpUrl = "http://127.0.0.1:8002"
    inventory_url: HttpUrl = "http://127.0.0.1:8003"
    analytics_url: HttpUrl = "http://127.0.0.1:8004"
    shipping_url: HttpUrl = "http://127.0.0.1:8005"
    operator_token: OperatorToken = None

    def of(self, service: str) -> str:
        """The address of a consumer, `email` to `shipping`."""
        return str(getattr(self, f"{service}_url"))

    def find(self, service: str) -> str | None:
        """The same; for an unknown service the value of `NAME_URL`, or None if it is unset."""
        if f"{service}_url" in type(self).model_fields:
            return self.of(service)
        return own_service_url(service)


def own_service_url(service: str) -> str | None:
    """The value of `NAME_URL`, the address of a service that is not part of this project."""
    url = os.environ.get(f"{service.upper().replace('-', '_')}_URL")
    return url and url.strip()


class FaultAddresses(OrderAddress, ConsumerAddresses):
    """The services that can inject faults, by `of("order")` or `of("email")`."""


class Addresses(BrokerSettings, FaultAddresses):
    """The addresses of all services and downstream systems; defaults are the documented ports."""

    relay_url: HttpUrl = "http://127.0.0.1:8010"
    mail_url: HttpUrl = "http://127.0.0.1:8025"
    sms_gateway_url: HttpUrl = "http://127.0.0.1:8026"


def overruled() -> list[str]:
    """Variables of this shell that override the running demo's values."""
    known = {name.upper(): value for name, value in _known_to_demo().items()}
    used = {name: os.environ.get(name, value).strip() for name, value in known.items()}
    return sorted(name for name in known if used[name] != known[name])
