#!/bin/sh
# What the entry point of the image `postgres` does with POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB
# and the scripts in /docker-entrypoint-initdb.d.
set -eu
bin=$(echo /usr/lib/postgresql/*/bin)
data=${PGDATA:-/var/lib/postgresql/data}
if [ "$(id -u)" = 0 ]; then
    install --directory --owner=postgres --mode=700 "$data"
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
if [ ! -s "$data/PG_VERSION" ]; then
    (umask 077 && echo "$POSTGRES_PASSWORD" >/tmp/password)
    "$bin/initdb" --pgdata "$data" --username "$POSTGRES_USER" --pwfile /tmp/password \
        --encoding UTF8 --locale C.UTF-8 --auth-host scram-sha-256 --auth-local trust >/dev/null
    echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
    "$bin/pg_ctl" --pgdata "$data" --wait --options "-c listen_addresses= -k /tmp" start
    psql="psql --host /tmp --username $POSTGRES_USER --set ON_ERROR_STOP=1"
    $psql --dbname postgres --command "CREATE DATABASE \"$POSTGRES_DB\""
    for file in /docker-entrypoint-initdb.d/*.sql; do
        $psql --dbname "$POSTGRES_DB" --file "$file"
    done
    "$bin/pg_ctl" --pgdata "$data" --wait stop
fi
exec "$bin/postgres" -D "$data" -c listen_addresses='*' -k /tmp
