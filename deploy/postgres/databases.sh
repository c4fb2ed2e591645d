#!/usr/bin/env bash
# PostgreSQL's image runs this once, when its volume is new. It creates a database and a role for
# each service. Only its owner can connect to a database, and no role is a superuser.
set -euo pipefail

create() { # create NAME PASSWORD
    psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set name="$1" --set password="$2" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
-- Otherwise every role may connect to every database.
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

# The relay shares the first one: the outbox is a table in the database of orders.
create orders "$ORDER_PASSWORD"
create email "$EMAIL_PASSWORD"
create sms "$SMS_PASSWORD"
create inventory "$INVENTORY_PASSWORD"
create analytics "$ANALYTICS_PASSWORD"
create shipping "$SHIPPING_PASSWORD"

psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --command 'REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC'
