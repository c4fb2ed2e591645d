"""`python -m services.order.migrate`: create the tables that are missing."""

from services.order.schema import metadata
from shared.database.engine import open_database
from shared.database.schema import create_schema
from shared.settings import MigrateSettings, main


def run(settings: MigrateSettings) -> None:
    create_schema(open_database(settings.database_url), metadata)


if __name__ == "__main__":
    main(MigrateSettings, run)
