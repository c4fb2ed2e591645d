"""What a stack is made of: each part's module, and what it takes from the environment."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orderctl.stack.ports import HOST
from shared.sqlite_address import sqlite_url
from shared.transport import LADDER
from shop.consumers import CONSUMERS, LATECOMERS

#: Every part, by the module that runs it. Who is needed by others comes first.
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
#: Those that are off until somebody has them join.
OPTIONAL: Mapping[str, str] = {name: f"services.{name}" for name in LATECOMERS}
#: Where all of it is watched: beside the system, and no part of it.
PAGE: Mapping[str, str] = {"dashboard": "services.dashboard"}
#: One-shot steps that come before all of them.
STEPS: Mapping[str, str] = {
    "topology": "shared.topology",
    **{name: f"services.{name}.migrate" for name in ("order", *CONSUMERS)},
}
#: The relay reads the outbox, which is in the order service's database.
DATABASE_OF = {"order-relay": "order"}

DatabaseUrls = Callable[[str], str]


#: The lesson: what each service takes for one order, in seconds.
WORK_TIMES: Mapping[str, float] = {"email": 2.0, "sms": 1.0, "inventory": 0.5, "analytics": 0.0}


@dataclass(frozen=True)
class StackPlan:
    """Everything that decides a stack's environment.

    `database_urls`: the address of a service's database. `work_times`: seconds by service.
    `extra`: environment variables by part, which win over all others.
    """

    ports: Mapping[str, int]
    broker_url: str
    database_urls: DatabaseUrls
    ladder: Sequence[float] = LADDER
    work_times: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: Each stack has its own, known to its parts and to orderctl.
    operator_token: str = field(default_factory=secrets.token_urlsafe, repr=False)
    #: Whether services cause the faults that an operator asks for.
    faults_allowed: bool = False
    #: Who receives every order; a latecomer is named here once it has joined.
    consumers: Sequence[str] = CONSUMERS

    def url(self, part: str) -> str:
        return f"http://{HOST}:{self.ports[part]}"

    def environment(self, part: str) -> dict[str, str]:
        """A part takes what it knows of this and leaves the rest."""
        return {
            **self.common(),
            "HOST": HOST,
            "PORT": str(self.ports.get(part, "")),
            **self._database(part),
            "WORK_TIME": f"{self.work_times.get(part, 0):g}",
            "SMTP_HOST": HOST,
            "SMTP_PORT": str(self.ports["smtp"]),
            # The sink here answers at once: nobody who kills email has to wait for minutes until
            # its leases have ended.
            "SMTP_ANSWER_TIMEOUT": "10",
            # Everything is on this machine, where no proxy should stand between.
            "NO_PROXY": HOST,
            "no_proxy": HOST,
            **self.extra.get(part, {}),
        }

    def _database(self, part: str) -> dict[str, str]:
        """Nothing for one that has none: asking for an address may make a database."""
        if part not in MODULES and part not in OPTIONAL:
            return {}
        return {"DATABASE_URL": self.database_urls(DATABASE_OF.get(part, part))}

    def common(self) -> dict[str, str]:
        """What is the same for everybody: for orderctl in another terminal as well."""
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
    """A file for each database, in one folder."""
    return lambda name: sqlite_url(folder.resolve() / f"{name}.db")
