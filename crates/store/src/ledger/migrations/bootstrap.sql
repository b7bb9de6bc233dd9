-- Roles and the schema, made before the first migration and safe to repeat. Roles belong to the whole server, so a
-- migration of another database may make them at the same moment.
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['muster_owner', 'muster_ingest', 'muster_score', 'muster_read'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
      END;
    END IF;
    -- Who makes a role may give it away and yet not take it on: so it is given, unless it is had from somebody else.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) THEN
      BEGIN
        EXECUTE format('GRANT %I TO %I', wanted, session_user);
      EXCEPTION WHEN insufficient_privilege THEN
        NULL;
      END;
    END IF;
  END LOOP;
  IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'muster') THEN
    CREATE SCHEMA muster AUTHORIZATION muster_owner;
  END IF;
  -- A plain session, a dashboard's for one, finds the tables without naming the schema.
  BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = muster, public', current_database());
  EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'the search path of database % is left as it is: not its owner', current_database();
  END;
END $$;
