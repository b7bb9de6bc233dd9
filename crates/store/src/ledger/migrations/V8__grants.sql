-- Who may do what. Nobody but the owner deletes from the ledger, moves in the scoring tables apart.
GRANT USAGE ON SCHEMA muster TO muster_ingest, muster_score, muster_read;
GRANT SELECT ON ALL TABLES IN SCHEMA muster TO muster_ingest, muster_score, muster_read;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA muster TO muster_ingest, muster_score;
ALTER DEFAULT PRIVILEGES IN SCHEMA muster GRANT SELECT ON TABLES TO muster_ingest, muster_score, muster_read;
ALTER DEFAULT PRIVILEGES IN SCHEMA muster GRANT USAGE ON SEQUENCES TO muster_ingest, muster_score;

GRANT INSERT, UPDATE ON contracts, topics, sources, tokens, dead_letter_cursors TO muster_ingest;
GRANT INSERT ON contract_versions, schemas, gaps, attempts, batches, batch_file_rows, files, batch_statistics,
  violations TO muster_ingest;
GRANT INSERT, UPDATE ON alerts TO muster_ingest, muster_score;

GRANT INSERT ON contracts TO muster_score;
GRANT INSERT, UPDATE ON pipelines, model_aliases, runs, claims, claim_cursors, tokens TO muster_score;
GRANT DELETE ON model_aliases TO muster_score;
GRANT INSERT ON model_versions, model_alias_moves, files, predictions TO muster_score;
GRANT INSERT, UPDATE, DELETE ON readers TO muster_score;
GRANT EXECUTE ON FUNCTION make_prediction_months() TO muster_score;
