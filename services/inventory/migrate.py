"""`python -m services.inventory.migrate`: create the tables and the initial stock."""

from sqlalchemy import Engine

from services.inventory.catalogue import CATALOGUE
from services.inventory.schema import metadata, products
from shared.database.engine import insert, open_database, writing
from shared.database.schema import create_schema
from shared.settings import MigrateSettings, main


def run(settings: MigrateSettings) -> None:
    engine = open_database(settings.database_url)
    create_schema(engine, metadata)
    stock_up(engine)


def stock_up(engine: Engine) -> None:
    """Add missing products; leave the stock of existing ones unchanged."""
    rows = [product._asdict() | {"on_hand": product.initial} for product in CATALOGUE]
    with writing(engine) as tx:
        tx.execute(insert(tx, products).on_conflict_do_nothing(), rows)


if __name__ == "__main__":
    main(MigrateSettings, run)
