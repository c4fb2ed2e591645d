#!/usr/bin/env bash
# Puts the passwords of the environment into the definitions, then starts RabbitMQ as its image
# would. RabbitMQ imports the definitions at every start, before it takes the first connection.
set -euo pipefail

definitions=$(</etc/rabbitmq/definitions.json)
for name in $(compgen -e | grep _PASSWORD); do
    definitions=${definitions//"\${$name}"/"${!name}"}
done
# In memory, and for RabbitMQ's own user only.
(umask 077 && printf '%s\n' "$definitions" >/tmp/definitions.json)

exec docker-entrypoint.sh rabbitmq-server
