-- Who reads on from the ledger: open readers of a version, and the dead-letter cursor of each source.

-- A file that was superseded stays while a reader holds a version older than its removal.
CREATE TABLE readers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  contract text NOT NULL REFERENCES contracts (name),
  version bigint NOT NULL,
  reader text NOT NULL,
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  leased_until timestamptz NOT NULL
);
CREATE INDEX readers_contract ON readers (contract, version);

-- Up to where a source's bad records were published and acknowledged: at least once, so it only moves forward.
CREATE TABLE dead_letter_cursors (
  source_id bigint PRIMARY KEY REFERENCES sources (id),
  next_offset bigint NOT NULL CHECK (next_offset >= 0),
  advanced_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX batches_bad ON batches (source_id, to_offset) WHERE bad > 0 AND from_offset IS NOT NULL;
