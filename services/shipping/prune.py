"""`python -m services.shipping.prune`: delete the records of what cannot come again."""

from services.shipping.schema import starts, tables
from shared.prune import run_prune
from shared.settings import PruneConsumerSettings, main


def run(settings: PruneConsumerSettings) -> None:
    run_prune("shipping", settings, tables, starts)


if __name__ == "__main__":
    main(PruneConsumerSettings, run)
