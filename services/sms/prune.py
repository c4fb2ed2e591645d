"""`python -m services.sms.prune`: delete records of events that cannot be redelivered."""

from services.sms.schema import tables
from shared.consuming.prune import run_prune
from shared.settings import PruneConsumerSettings, main


def run(settings: PruneConsumerSettings) -> None:
    run_prune("sms", settings, tables, tables.starts)


if __name__ == "__main__":
    main(PruneConsumerSettings, run)
