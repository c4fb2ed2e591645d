"""What the inventory service takes from the environment."""

from shared.settings import ConsumerSettings, Port, Seconds


class InventorySettings(ConsumerSettings):
    port: Port = 8003
    #: The lesson: half a second, here for a batch.
    work_time: Seconds = 0.5
