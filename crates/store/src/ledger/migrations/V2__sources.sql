-- Sources (topic, topic id, partition), the tokens that fence their writers, and gaps in their logs.

CREATE TABLE topics (
  topic text NOT NULL CHECK (topic <> ''),
  topic_id uuid NOT NULL,
  -- 0 for the first topic of this name, one more each time it was made again.
  incarnation integer NOT NULL CHECK (incarnation >= 0),
  partitions integer NOT NULL CHECK (partitions > 0),
  -- When partitions were last added, and the greatest event time the topic's good rows had then: until a window
  -- beyond it has passed, a key may have been accepted in another partition.
  grown_at timestamptz,
  grown_event_micros bigint,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, topic_id),
  UNIQUE (topic, incarnation)
);

CREATE TABLE sources (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic text NOT NULL,
  topic_id uuid NOT NULL,
  partition integer NOT NULL CHECK (partition >= 0),
  contract text NOT NULL REFERENCES contracts (name),
  -- Null until the first batch: the source is read from where its log starts.
  first_offset bigint CHECK (first_offset >= 0),
  next_offset bigint CHECK (next_offset >= first_offset),
  revision bigint NOT NULL DEFAULT 0 CHECK (revision >= 0),
  token uuid,
  worker text,
  assigned_at timestamptz,
  paused_reason text,
  paused_at timestamptz,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (topic, topic_id, partition),
  FOREIGN KEY (topic, topic_id) REFERENCES topics (topic, topic_id),
  CHECK ((first_offset IS NULL) = (next_offset IS NULL)),
  CHECK ((paused_reason IS NULL) = (paused_at IS NULL))
);

-- Every token that was ever given out. A file whose token is here and superseded can never be committed.
CREATE TABLE tokens (
  token uuid PRIMARY KEY,
  writer text NOT NULL CHECK (writer IN ('source', 'claim', 'repair', 'compaction')),
  source_id bigint REFERENCES sources (id),
  claim_id bigint,
  worker text,
  issued_at timestamptz NOT NULL DEFAULT now(),
  superseded_at timestamptz
);
CREATE INDEX tokens_live_source ON tokens (source_id) WHERE superseded_at IS NULL;
CREATE INDEX tokens_live_claim ON tokens (claim_id) WHERE superseded_at IS NULL;

-- Offsets that were gone before they could be read.
CREATE TABLE gaps (
  source_id bigint NOT NULL REFERENCES sources (id),
  from_offset bigint NOT NULL,
  to_offset bigint NOT NULL CHECK (to_offset > from_offset),
  reason text NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (source_id, from_offset)
);

-- Gives the sources new tokens. The caller holds their rows' locks.
CREATE FUNCTION raise_source_tokens(in_sources bigint[], in_worker text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE tokens SET superseded_at = clock_timestamp()
    WHERE source_id = ANY (in_sources) AND superseded_at IS NULL AND writer = 'source';
  UPDATE sources SET token = gen_random_uuid(), worker = in_worker, assigned_at = clock_timestamp()
    WHERE id = ANY (in_sources);
  INSERT INTO tokens (token, writer, source_id, worker)
    SELECT token, 'source', id, in_worker FROM sources WHERE id = ANY (in_sources);
END $$;

-- Makes topics known, numbers their incarnations, and notes that partitions were added.
CREATE FUNCTION keep_topics(in_partitions jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  seen record;
BEGIN
  -- New topics first: the table's lock must come before any of its rows', or two workers could wait for each other.
  FOR seen IN
    SELECT given.topic, given.topic_id, max(given.partitions) AS partitions
    FROM jsonb_to_recordset(in_partitions) AS given (topic text, topic_id uuid, partitions integer)
    WHERE NOT EXISTS (
      SELECT FROM topics WHERE topics.topic = given.topic AND topics.topic_id = given.topic_id)
    GROUP BY given.topic, given.topic_id ORDER BY given.topic, given.topic_id
  LOOP
    LOCK TABLE topics IN SHARE ROW EXCLUSIVE MODE;
    INSERT INTO topics (topic, topic_id, incarnation, partitions)
      SELECT seen.topic, seen.topic_id, coalesce(max(incarnation) + 1, 0), seen.partitions
      FROM topics WHERE topic = seen.topic
      ON CONFLICT (topic, topic_id) DO NOTHING;
  END LOOP;
  FOR seen IN
    SELECT given.topic, given.topic_id, max(given.partitions) AS partitions
    FROM jsonb_to_recordset(in_partitions) AS given (topic text, topic_id uuid, partitions integer)
    GROUP BY given.topic, given.topic_id ORDER BY given.topic, given.topic_id
  LOOP
    UPDATE topics SET partitions = seen.partitions, grown_at = clock_timestamp(),
      grown_event_micros = (
        SELECT max(files.event_micros_max) FROM files JOIN sources ON sources.id = files.source_id
        WHERE sources.topic = seen.topic AND sources.topic_id = seen.topic_id AND files.kind = 'good')
      WHERE topic = seen.topic AND topic_id = seen.topic_id AND partitions < seen.partitions;
  END LOOP;
END $$;

-- Passes sources to a worker: raises their tokens, says where to read on. One statement for all of them.
CREATE FUNCTION assign_sources(in_worker text, in_partitions jsonb)
RETURNS TABLE (
  source_id bigint, topic text, topic_id uuid, partition integer, token uuid, next_offset bigint, revision bigint,
  paused_reason text, incarnation integer
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  held bigint[];
BEGIN
  PERFORM keep_topics(in_partitions);
  INSERT INTO contracts (name)
    SELECT DISTINCT given.contract FROM jsonb_to_recordset(in_partitions) AS given (contract text)
    ORDER BY 1 ON CONFLICT (name) DO NOTHING;
  INSERT INTO sources (topic, topic_id, partition, contract)
    SELECT given.topic, given.topic_id, given.partition, given.contract
    FROM jsonb_to_recordset(in_partitions)
      AS given (topic text, topic_id uuid, partition integer, contract text)
    WHERE NOT EXISTS (
      SELECT FROM sources WHERE sources.topic = given.topic AND sources.topic_id = given.topic_id
        AND sources.partition = given.partition)
    ORDER BY 1, 2, 3
    ON CONFLICT (topic, topic_id, partition) DO NOTHING;

  -- Locks in id order, as every function that holds several sources takes them.
  SELECT array_agg(locked.id) INTO held FROM (
    SELECT sources.id FROM sources
    JOIN jsonb_to_recordset(in_partitions) AS given (topic text, topic_id uuid, partition integer)
      ON sources.topic = given.topic AND sources.topic_id = given.topic_id AND sources.partition = given.partition
    ORDER BY sources.id FOR NO KEY UPDATE OF sources
  ) AS locked;
  PERFORM raise_source_tokens(held, in_worker);
  UPDATE sources SET contract = given.contract
    FROM jsonb_to_recordset(in_partitions)
      AS given (topic text, topic_id uuid, partition integer, contract text)
    WHERE sources.topic = given.topic AND sources.topic_id = given.topic_id
      AND sources.partition = given.partition AND sources.contract <> given.contract;

  RETURN QUERY
    SELECT sources.id, sources.topic, sources.topic_id, sources.partition, sources.token, sources.next_offset,
      sources.revision, sources.paused_reason, topics.incarnation
    FROM sources JOIN topics ON topics.topic = sources.topic AND topics.topic_id = sources.topic_id
    WHERE sources.id = ANY (held) ORDER BY sources.id;
END $$;

-- Stops one source until it is resumed. With a token, only its holder may. Tells whether the source is now paused by
-- this call or was before.
CREATE FUNCTION pause_source(in_source bigint, in_token uuid, in_reason text, in_alerts jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  held sources;
BEGIN
  SELECT * INTO held FROM sources WHERE id = in_source FOR NO KEY UPDATE;
  IF NOT FOUND OR (in_token IS NOT NULL AND held.token IS DISTINCT FROM in_token) THEN
    RETURN false;
  END IF;
  IF held.paused_reason IS NULL THEN
    UPDATE sources SET paused_reason = in_reason, paused_at = clock_timestamp() WHERE id = in_source;
    PERFORM put_alerts(in_alerts, NULL, NULL);
  END IF;
  RETURN true;
END $$;

-- Lets paused sources go on. Where offsets are gone, `in_skip_to` names the first that is still there: the range
-- between is recorded as a gap, and the token is raised, since the next offset moved under its holder.
CREATE FUNCTION resume_source(in_source bigint, in_skip_to bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  held sources;
BEGIN
  SELECT * INTO held FROM sources WHERE id = in_source FOR NO KEY UPDATE;
  IF NOT FOUND OR held.paused_reason IS NULL THEN
    RETURN false;
  END IF;
  IF in_skip_to IS NOT NULL AND in_skip_to > held.next_offset THEN
    INSERT INTO gaps (source_id, from_offset, to_offset, reason)
      VALUES (in_source, held.next_offset, in_skip_to, held.paused_reason);
    UPDATE sources SET next_offset = in_skip_to WHERE id = in_source;
    PERFORM raise_source_tokens(ARRAY[in_source], NULL);
  END IF;
  UPDATE sources SET paused_reason = NULL, paused_at = NULL WHERE id = in_source;
  RETURN true;
END $$;
