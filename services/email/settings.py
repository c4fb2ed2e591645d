"""What the email service takes from the environment."""

from typing import Annotated

from pydantic import Field

from shared.settings import Concurrency, ConsumerSettings, Patience, Port, Seconds


class EmailSettings(ConsumerSettings):
    port: Port = 8001
    #: The lesson: a mail takes two seconds. 32 at a time, that is 15 mails a second.
    work_time: Seconds = 2.0
    concurrency: Concurrency = 32
    smtp_host: Annotated[
        str, Field(min_length=1, description="the name or address of a mail server")
    ] = "127.0.0.1"
    smtp_port: Port = 1025
    smtp_timeout: Patience = 5.0
    #: RFC 5321 asks for ten minutes. After a crash nobody may send a mail that was in hand until
    #: its lease has ended, and for that two are long enough.
    smtp_answer_timeout: Annotated[
        float, Field(gt=0, le=600, description="seconds, more than 0, at most 600")
    ] = 120.0

    @property
    def lease(self) -> float:
        """Seconds that exceed the longest time in which a mail can be handed over.

        The work time; everything up to the final dot, whatever its number of steps; the answer
        to it; and five seconds for the goodbye, for a busy machine and for clocks that differ. A
        name that is looked up for longer leaves no time to send anything.
        """
        return self.work_time + self.smtp_timeout + self.smtp_answer_timeout + 5.0
