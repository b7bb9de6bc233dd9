-- Contracts: a counter each, the texts of every version, and every writer schema that was seen.

CREATE TABLE contracts (
  name text PRIMARY KEY CHECK (name <> ''),
  -- The last version given out: the order of commits. Taken last in a commit and held to its end.
  version bigint NOT NULL DEFAULT 0 CHECK (version >= 0),
  first_seen_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE contract_versions (
  contract text NOT NULL REFERENCES contracts (name),
  contract_version text NOT NULL CHECK (contract_version ~ '^[0-9a-f]{64}$'),
  topic text NOT NULL,
  contract_text text NOT NULL,
  schema_text text NOT NULL,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (contract, contract_version)
);

CREATE TABLE schemas (
  -- Who gave out the id: a registry's address, or '' for ids derived from the schema itself.
  registry text NOT NULL,
  schema_id bigint NOT NULL CHECK (schema_id BETWEEN 0 AND 4294967295),
  schema_text text NOT NULL,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (registry, schema_id)
);
