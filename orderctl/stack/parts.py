"""The parts of a stack: each part's module and its environment."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orderctl.stack.ports import HOST
from shared.sqlite_address import sqlite_url
from shared.transport import LADDER
from shop.consumers import CONSUMERS, LATECOMERS

#: The module of every part. Parts that others depend on come first.
MODULES: Mapping[str, str] = {
    "mail_sink": "simulators.mail_sink",
    "sms_gateway": "simulators.sms_gateway",
    "order": "services.order",
    "order-relay": "services.order.relay",
    "email": "services.email",
    "sms": "services.sms",
    "inventory": "services.inventory",
    "analytics": "services.analytics",
}
#: Parts that are off until they join.
OPTIONAL: Mapping[str, str] = {name: f"services.{name}" for name in LATECOMERS}
#: The dashboard, which watches the system without being part of it.
PAGE: Mapping[str, str] = {"dashboard": "services.dashboard"}
#: One-shot steps that run before all parts.
STEPS: Mapping[str, str] = {
    "topology": "shared.topology",
    **{name: f"services.{name}.migrate" for name in ("order", *CONSUMERS)},
}
#: The relay reads the outbox, which is in the order service's database.
DATABASE_OF = {"order-relay": "order"}

DatabaseUrls = Callable[[str], str]


#: The demo's simulated work time per order, in seconds.
WORK_TIMES: Mapping[str, float] = {"email": 2.0, "sms": 1.0, "inventory": 0.5, "analytics": 0.0}


@dataclass(frozen=True)
class StackPlan:
    """Everything that determines the environment of a stack's parts.

    `database_urls`: maps a service to its database address. `work_times`: seconds by service.
    `extra`: environment variables by part, which override all others.
    """

    ports: Mapping[str, int]
    broker_url: str
    database_urls: DatabaseUrls
    ladder: Sequence[float] = LADDER
    work_times: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: Unique to each stack; shared with its parts and with orderctl.
    operator_token: str = field(default_factory=secrets.token_urlsafe, repr=False)
    #: Whether operators may inject faults.
    faults_allowed: bool = False
    #: The services that receive every order, including a latecomer once it has joined.
    consumers: Sequence[str] = CONSUMERS

    def url(self, part: str) -> str:
        return f"http://{HOST}:{self.ports[part]}"

    def environment(self, part: str) -> dict[str, str]:
        """All variables of a part, which ignores those that it does not know."""
        return {
            **self.common(),
            "HOST": HOST,
            "PORT": str(self.ports.get(part, "")),
            **self._database(part),
            "WORK_TIME": f"{self.work_times.get(part, 0):g}",
            "SMTP_HOST": HOST,
            "SMTP_PORT": str(self.ports["smtp"]),
            # The local sink responds at once, and a short timeout means short leases: after a
            # crash of email, its emails are retried within seconds instead of minutes.
            "SMTP_ANSWER_TIMEOUT": "10",
            # All parts are on this machine, so no proxy is needed.
            "NO_PROXY": HOST,
            "no_proxy": HOST,
            **self.extra.get(part, {}),
        }

    def _database(self, part: str) -> dict[str, str]:
        """Empty for a part without a database, since `database_urls` may create one."""
        if part not in MODULES and part not in OPTIONAL:
            return {}
        return {"DATABASE_URL": self.database_urls(DATABASE_OF.get(part, part))}

    def common(self) -> dict[str, str]:
        """The variables that all parts share, and orderctl in another terminal."""
        names = {"ORDER_URL": "order", "RELAY_URL": "order-relay", "MAIL_URL": "mail_sink"}
        names |= {f"{part.upper()}_URL": part for part in (*CONSUMERS, *OPTIONAL, "sms_gateway")}
        return {
            **{setting: self.url(part) for setting, part in names.items()},
            "CONSUMER_URLS": ",".join(f"{name}={self.url(name)}" for name in self.consumers),
            "LATECOMER_URLS": ",".join(f"{name}={self.url(name)}" for name in OPTIONAL),
            "OPERATOR_TOKEN": self.operator_token,
            "FAULTS_ALLOWED": str(self.faults_allowed).lower(),
            "BROKER_URL": self.broker_url,
            "CONSUMERS": ",".join(self.consumers),
            "RETRY_LADDER": ",".join(f"{rung:g}" for rung in self.ladder),
        }


def sqlite_in(folder: Path) -> DatabaseUrls:
    """One file per database, in one folder."""
    return lambda name: sqlite_url(folder.resolve() / f"{name}.db")
