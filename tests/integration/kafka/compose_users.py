"""A Kafka with the users, passwords and super users of docker-compose.kafka.yml."""

import re
from collections.abc import Mapping
from pathlib import Path

from tools.servers.kafka import KafkaAccess

COMPOSE = Path("docker-compose.kafka.yml")
PASSWORD = "password"
LOGIN = {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN"}
#: A variable of the container, on one line or folded.
_VARIABLE = re.compile(r"^      (KAFKA_\w+): (?:>-\n((?: {8}.*\n)+)|(.*)\n)", re.MULTILINE)
#: Those that say who may log in, and what is denied.
_ABOUT_ACCESS = re.compile("KAFKA_(SASL|LISTENER_NAME|AUTHORIZER|SUPER_USERS)")


def as_user(name: str, password: str = PASSWORD) -> dict[str, str]:
    """The properties of a client."""
    return {**LOGIN, "sasl.username": name, "sasl.password": password}


def compose_access() -> KafkaAccess:
    variables = _variables()
    pairs = variables["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    protocols = dict(pair.split(":") for pair in pairs)
    return KafkaAccess(
        controller=protocols.pop("CONTROLLER"),
        listeners=protocols,
        settings={
            name.removeprefix("KAFKA_").lower().replace("_", "."): value
            for name, value in variables.items()
            if _ABOUT_ACCESS.match(name)
        },
        client=as_user("admin"),
    )


def compose_users() -> set[str]:
    login = _variables()["KAFKA_LISTENER_NAME_CLIENTS_PLAIN_SASL_JAAS_CONFIG"]
    return set(re.findall(r"user_([a-z-]+)=", login))


def _variables() -> Mapping[str, str]:
    text = re.sub(r"\$\{\w+_PASSWORD\}", PASSWORD, COMPOSE.read_text())
    return {
        name: " ".join(folded.split()) or line for name, folded, line in _VARIABLE.findall(text)
    }
