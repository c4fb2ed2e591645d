"""Settings of the SMS service, read from the environment."""

from shared.settings import Concurrency, ConsumerSettings, HttpUrl, Patience, Port, Seconds


class SmsSettings(ConsumerSettings):
    port: Port = 8002
    #: Simulated work of the demo: one second per text.
    work_time: Seconds = 1.0
    concurrency: Concurrency = 16
    sms_gateway_url: HttpUrl = "http://127.0.0.1:8026"
    sms_timeout: Patience = 5.0

    @property
    def lease(self) -> float:
        """Seconds, longer than sending a text can take.

        The sum of: the work time; the timeout of the whole call, twice, since a host name may
        have a second address that responds late; and five seconds for resolving the name, a busy
        machine and clock differences.
        """
        return self.work_time + 2 * self.sms_timeout + 5.0
