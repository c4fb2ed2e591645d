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

    @property
    def lease(self) -> float:
        """Seconds that exceed the longest time in which a mail can be handed over.

        The work time; connecting, to two addresses when the name has two (localhost often
        does), each of which may take the timeout; the conversation, which may take it once
        more, whatever its number of steps; and five seconds for looking up the name, for a
        busy machine and for clocks that differ.
        """
        return self.work_time + 3 * self.smtp_timeout + 5.0
