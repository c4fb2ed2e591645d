"""What the SMS service takes from the environment."""

from shared.settings import Concurrency, ConsumerSettings, HttpUrl, Patience, Port, Seconds


class SmsSettings(ConsumerSettings):
    port: Port = 8002
    #: The lesson: a text takes a second.
    work_time: Seconds = 1.0
    concurrency: Concurrency = 16
    sms_gateway_url: HttpUrl = "http://127.0.0.1:8026"
    sms_timeout: Patience = 5.0

    @property
    def lease(self) -> float:
        """Seconds that exceed the longest time in which a text can be handed over.

        The work time; the timeout, which is for the whole call, and once more for a name with
        two addresses of which the second answers late; and five seconds for looking up the name,
        for a busy machine and for clocks that differ.
        """
        return self.work_time + 2 * self.sms_timeout + 5.0
