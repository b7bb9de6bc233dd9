#!/bin/sh
# Makes the ledger's logins in a new database: `muster_app`, which ingests and scores, and `muster_grafana`, which reads.
#
# Run once by PostgreSQL's image, before it listens to anybody, as its superuser. Neither login can change a table or
# become the owner: `muster migrate` alone connects as that. Passwords come from files and pass through psql's
# variables, so that neither a process list nor a log holds them.
set -eu

secrets=${MUSTER_SECRETS:-/run/secrets}
app=$(cat "$secrets/ledger_app_password") read=$(cat "$secrets/ledger_read_password")
export app read
psql -X -q -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv app app
\getenv read read
CREATE ROLE muster_owner NOLOGIN;
CREATE ROLE muster_ingest NOLOGIN;
CREATE ROLE muster_score NOLOGIN;
CREATE ROLE muster_read NOLOGIN;
CREATE ROLE muster_app LOGIN NOINHERIT PASSWORD :'app' IN ROLE muster_ingest, muster_score, muster_read;
CREATE ROLE muster_grafana LOGIN PASSWORD :'read' CONNECTION LIMIT 20 IN ROLE muster_read;
ALTER ROLE muster_grafana SET default_transaction_read_only = on;
ALTER ROLE muster_grafana SET statement_timeout = '30s';
SQL
