"""`python -m services.email.prune`: delete records of events that cannot be redelivered."""

from services.email.schema import tables
from shared.consuming.prune import run_prune
from shared.settings import PruneConsumerSettings, main


def run(settings: PruneConsumerSettings) -> None:
    run_prune("email", settings, tables, tables.starts)


if __name__ == "__main__":
    main(PruneConsumerSettings, run)
