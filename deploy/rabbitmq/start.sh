#!/usr/bin/env bash
# Puts the passwords of the environment into the definitions, then starts RabbitMQ as its image
# would. RabbitMQ imports the definitions at every start, before it takes the first connection.
set -euo pipefail

definitions=$(</etc/rabbitmq/definitions.json)
for name in $(compgen -e | grep _PASSWORD); do
    definitions=${definitions//"\${$name}"/"${!name}"}
done
# /tmp is in memory; only RabbitMQ's own user can read the file.
(umask 077 && printf '%s\n' "$definitions" >/tmp/definitions.json)

exec docker-entrypoint.sh rabbitmq-server
