"""Settings of the email service, read from the environment."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError

from services.email.mail_server import MailServer, Tls
from shared.errors import SettingsError
from shared.settings import UNUSABLE, Concurrency, ConsumerSettings, Patience, Port, Seconds
from shared.tls import client_context


def _readable(ca_file: str | None) -> str | None:
    try:
        client_context(ca_file or "")
    except SettingsError as error:
        raise PydanticCustomError(UNUSABLE, "{why}", {"why": str(error)}) from error
    return ca_file


def _safe(user: str | None, info: ValidationInfo) -> str | None:
    """A login needs a password, and TLS, so that nobody can read the password."""
    if user and not info.data.get("smtp_password"):
        raise PydanticCustomError(UNUSABLE, "SMTP_PASSWORD is not set")
    if user and info.data.get("smtp_tls") is Tls.OFF:
        raise PydanticCustomError(
            UNUSABLE, "SMTP_TLS is off, and its password would be sent in plain text"
        )
    return user


# An empty value counts as not set.
_Optional = BeforeValidator(lambda value: value or None)


class EmailSettings(ConsumerSettings):
    port: Port = 8001
    #: Simulated work of the demo: two seconds per mail. With 32 at a time, 15 mails per second.
    work_time: Seconds = 2.0
    concurrency: Concurrency = 32
    smtp_host: Annotated[
        str, Field(min_length=1, description="the name or address of a mail server")
    ] = "127.0.0.1"
    smtp_port: Port = 1025
    smtp_tls: Annotated[Tls, Field(description="off, starttls or implicit")] = Tls.OFF
    smtp_ca_file: Annotated[
        str | None,
        _Optional,
        AfterValidator(_readable),
        Field(description="a PEM file with the certificates of the authorities to trust"),
    ] = None
    smtp_password: Annotated[
        SecretStr | None, _Optional, Field(description="the password of SMTP_USER")
    ] = None
    # After the two fields that its check reads.
    smtp_user: Annotated[
        str | None,
        _Optional,
        AfterValidator(_safe),
        Field(description="a user of the mail server, with SMTP_TLS and SMTP_PASSWORD"),
    ] = None
    smtp_timeout: Patience = 5.0
    #: RFC 5321 recommends ten minutes. After a crash, a mail in progress cannot be sent again
    #: before its lease has expired, and two minutes are long enough for that.
    smtp_answer_timeout: Annotated[
        float, Field(gt=0, le=600, description="seconds, more than 0, at most 600")
    ] = 120.0

    @property
    def mail_server(self) -> MailServer:
        return MailServer(
            self.smtp_host,
            self.smtp_port,
            tls=self.smtp_tls,
            ca_file=self.smtp_ca_file or "",
            user=self.smtp_user or "",
            password=self.smtp_password.get_secret_value() if self.smtp_password else "",
        )

    @property
    def lease(self) -> float:
        """Seconds, longer than sending a mail can take.

        The sum of: the work time; all steps up to the final dot; the reply to the final dot; and
        five seconds for a busy machine and clock differences. If resolving the host name
        takes longer, no time is left to send the mail.
        """
        return self.work_time + self.smtp_timeout + self.smtp_answer_timeout + 5.0
