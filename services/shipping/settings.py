"""Settings of the shipping service, read from the environment."""

from shared.settings import ConsumerSettings, Port


class ShippingSettings(ConsumerSettings):
    port: Port = 8005
