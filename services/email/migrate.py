"""`python -m services.email.migrate`: create the tables that are missing."""

from services.email.schema import tables
from shared.service.tables import create_tables
from shared.settings import MigrateSettings, main


def run(settings: MigrateSettings) -> None:
    create_tables(settings.database_url, tables)


if __name__ == "__main__":
    main(MigrateSettings, run)
