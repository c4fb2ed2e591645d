"""Settings of the inventory service, read from the environment."""

from shared.settings import ConsumerSettings, Port, Seconds


class InventorySettings(ConsumerSettings):
    port: Port = 8003
    #: Simulated work of the demo: half a second per batch.
    work_time: Seconds = 0.5
