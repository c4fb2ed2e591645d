"""`python -m services.inventory.prune`: delete records of events that cannot be redelivered."""

from services.inventory.schema import tables
from shared.consuming.prune import run_prune
from shared.settings import PruneConsumerSettings, main


def run(settings: PruneConsumerSettings) -> None:
    run_prune("inventory", settings, tables, tables.starts)


if __name__ == "__main__":
    main(PruneConsumerSettings, run)
