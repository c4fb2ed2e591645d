"""What the shipping service takes from the environment."""

from shared.settings import ConsumerSettings, Port


class ShippingSettings(ConsumerSettings):
    port: Port = 8005
