"""Settings of the analytics service, read from the environment."""

from shared.settings import ConsumerSettings, Port


class AnalyticsSettings(ConsumerSettings):
    port: Port = 8004
