"""Settings of the email service, read from the environment."""

from typing import Annotated

from pydantic import Field

from shared.settings import Concurrency, ConsumerSettings, Patience, Port, Seconds


class EmailSettings(ConsumerSettings):
    port: Port = 8001
    #: Simulated work of the demo: two seconds per mail. With 32 at a time, 15 mails per second.
    work_time: Seconds = 2.0
    concurrency: Concurrency = 32
    smtp_host: Annotated[
        str, Field(min_length=1, description="the name or address of a mail server")
    ] = "127.0.0.1"
    smtp_port: Port = 1025
    smtp_timeout: Patience = 5.0
    #: RFC 5321 recommends ten minutes. After a crash, a mail in progress cannot be sent again
    #: before its lease has expired, and two minutes are long enough for that.
    smtp_answer_timeout: Annotated[
        float, Field(gt=0, le=600, description="seconds, more than 0, at most 600")
    ] = 120.0

    @property
    def lease(self) -> float:
        """Seconds, longer than sending a mail can take.

        The sum of: the work time; all steps up to the final dot; the reply to the final dot; and
        five seconds for QUIT, a busy machine and clock differences. If resolving the host name
        takes longer, no time is left to send the mail.
        """
        return self.work_time + self.smtp_timeout + self.smtp_answer_timeout + 5.0
