"""Reads settings from environment variables, and explains invalid ones."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.errors import BrokerUnavailable, DependencyUnavailable, SettingsError
from shared.transport import LADDER, connect

S = TypeVar("S", bound=BaseSettings)
#: The type of an error whose message explains why an address cannot be used.
UNUSABLE = "unusable"


def _url_with(*schemes: str) -> AfterValidator:
    def check(url: str) -> str:
        if not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError("another scheme")
        return url

    return AfterValidator(check)


def _usable(check: Callable[[str], object]) -> AfterValidator:
    """An address that `check` accepts; otherwise the error contains the reason."""

    def use(url: str) -> str:
        try:
            check(url)
        except SettingsError as error:
            raise PydanticCustomError(UNUSABLE, "{why}", {"why": str(error)}) from error
        return url

    return AfterValidator(use)


def _check_database(url: str) -> None:
    # Imported here: some programs with settings have no database, and no library for one.
    from shared.database.address import engine_url

    engine_url(url)


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    if (
        not values
        or list(values) != sorted(set(values))
        or not 0.01 <= values[0] <= values[-1] <= 86400
    ):
        raise ValueError("not ascending or out of range")
    return values


def _visible(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", secret.get_secret_value()):
        raise ValueError("not valid in a header")
    return secret


def _split(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


def _pairs(value: object) -> object:
    if not isinstance(value, str):
        return value
    return dict(pair.strip().split("=", 1) for pair in value.split(",") if pair.strip())


# Each description completes the sentence "… but takes …": `load` shows it in its error.
BrokerUrl = Annotated[
    str,
    _url_with("amqp", "amqps", "kafka", "sqlite"),
    _usable(connect),  # which connects to nothing
    Field(
        description="a broker's address: amqp://user:password@host:5672/vhost, "
        "kafka://host:9092 or sqlite:///file"
    ),
]
DatabaseUrl = Annotated[
    str,
    _url_with("sqlite", "postgresql"),
    _usable(_check_database),
    Field(
        description="a database's address: sqlite:///file or postgresql://user:password@host/name"
    ),
]
HttpUrl = Annotated[
    str, _url_with("http", "https"), Field(description="an address such as http://127.0.0.1:8000")
]
Port = Annotated[int, Field(ge=1, le=65535, description="a port number, 1 to 65535")]
Seconds = Annotated[float, Field(ge=0, le=3600, description="seconds, 0 to 3600")]
Patience = Annotated[float, Field(gt=0, le=60, description="seconds, more than 0, at most 60")]
Concurrency = Annotated[int, Field(ge=1, le=256, description="a number, 1 to 256")]
Ladder = Annotated[
    tuple[float, ...],
    NoDecode,
    BeforeValidator(_split),
    AfterValidator(_ascending),
    Field(description="seconds before each retry, ascending and separated by commas: 1,5,30"),
]
Names = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")], ...],
    NoDecode,
    BeforeValidator(_split),
    Field(min_length=1, description="names of services, separated by commas: email,sms"),
]
Addresses = Annotated[
    Mapping[str, HttpUrl],
    NoDecode,
    BeforeValidator(_pairs),
    Field(description="names and addresses: email=http://127.0.0.1:8001,sms=http://…"),
]
# Visible ASCII, since it travels in a header. An empty value counts as not set.
OperatorToken = Annotated[
    Annotated[SecretStr, Field(min_length=16, max_length=256), AfterValidator(_visible)] | None,
    BeforeValidator(lambda value: value or None),
    Field(description="a secret of 16 to 256 letters, digits and signs, without spaces"),
]
# One day more than a broker keeps messages (RETENTION): until then, they must be remembered.
KeepDays = Annotated[int, Field(ge=8, le=36500, description="a number of days, 8 to 36500")]
LogLevel = Annotated[
    str,
    # Many programs read this variable, and some require capitals.
    BeforeValidator(_lower),
    Field(pattern="^(debug|info|warning|error)$", description="debug, info, warning or error"),
]


class ServiceSettings(BaseSettings):
    """The settings of every process with an HTTP interface."""

    model_config = SettingsConfigDict(frozen=True)

    host: Annotated[str, Field(min_length=1, description="an address to listen on")] = "127.0.0.1"
    port: Port
    log_level: LogLevel = "info"
    operator_token: OperatorToken = None
    allowed_hosts: Annotated[
        str, Field(description="names by which it is reached, separated by commas")
    ] = ""
    faults_allowed: Annotated[bool, Field(description="true or false")] = False


class ConsumerSettings(ServiceSettings):
    """The settings of every consumer service."""

    broker_url: BrokerUrl
    database_url: DatabaseUrl
    retry_ladder: Ladder = LADDER
    work_time: Seconds = 0.0
    concurrency: Concurrency = 1


class MigrateSettings(BaseSettings):
    """The settings of a service's migrate step."""

    model_config = SettingsConfigDict(frozen=True)

    database_url: DatabaseUrl


class PruneSettings(MigrateSettings):
    """The settings of a service's prune step."""

    keep_days: KeepDays = 30


class PruneConsumerSettings(PruneSettings):
    """The settings of a consumer's prune step, which also reads its dead letters."""

    broker_url: BrokerUrl
    retry_ladder: Ladder = LADDER


def load(kind: type[S]) -> S:
    """Read the settings from the environment. Raises SettingsError, one line per invalid value."""
    try:
        return kind(**_trimmed(kind))
    except ValidationError as error:
        lines = {_explain(kind, each) for each in error.errors() if each["loc"]}
        raise SettingsError("\n".join(sorted(lines))) from None


def _trimmed(kind: type[BaseSettings]) -> dict[str, Any]:
    """The settings with surrounding whitespace, stripped: when a shell reads a file with Windows
    line endings, each value ends in a carriage return.
    """
    values = {field: os.environ.get(field.upper(), "") for field in kind.model_fields}
    return {name: value.strip() for name, value in values.items() if value != value.strip()}


def _explain(kind: type[BaseSettings], error: ErrorDetails) -> str:
    field = str(error["loc"][0]).lower()
    takes = kind.model_fields[field].description
    got = os.environ.get(field.upper())
    is_now = f"is {_shown(field, got)}" if got is not None else "is not set"
    why = f": {error['msg']}" if error["type"] == UNUSABLE else ""
    return f"{field.upper()} {is_now}, but takes {takes}{why}"


def _shown(field: str, value: str) -> str:
    """The value without its secrets, since errors end up in logs."""
    if field.endswith(("token", "password")):
        return "something else"
    value = re.sub(r"(:/*)([^:/@]*):[^@]*@", r"\1\2:***@", value)
    return repr(re.sub(r"((?:password|secret|key)[^=&]*=)[^&]*", r"\1***", value))


def main(kind: type[S], run: Callable[[S], Any]) -> NoReturn:
    """Run a program with its settings, then exit.

    An invalid setting exits with an explanation and status 2. An unavailable database or broker
    exits with a message and status 1.
    """
    try:
        run(load(kind))
    except SettingsError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except (BrokerUnavailable, DependencyUnavailable) as error:
        print(f"{error}. Start it, then run this again.", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)
