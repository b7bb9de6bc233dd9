-- Alerts on their way to people: which target is to be told of which, in which message, and what it was told last.

-- What became of an alert is said a target, by its deliveries.
DROP INDEX alerts_due;
ALTER TABLE alerts
  DROP COLUMN delivered_at, DROP COLUMN tries, DROP COLUMN next_try_at, DROP COLUMN last_error,
  ADD COLUMN state text NOT NULL DEFAULT 'firing' CHECK (state IN ('firing', 'resolved')),
  -- When its deliveries were written down; null until a sender has seen it.
  ADD COLUMN assigned_at timestamptz;
CREATE INDEX alerts_unassigned ON alerts (tenant, id) WHERE assigned_at IS NULL;
CREATE INDEX alerts_fingerprint ON alerts (fingerprint, tenant, id);

CREATE TABLE alert_targets (
  tenant text NOT NULL,
  target text NOT NULL,
  -- No message is tried before: the limit of messages a minute, and what the receiver asked for.
  not_before timestamptz NOT NULL DEFAULT '-infinity',
  -- The receiver wants no more messages, and how it said so.
  disabled_at timestamptz,
  disabled_reason text,
  PRIMARY KEY (tenant, target)
);

CREATE TABLE alert_messages (
  -- What receivers know repeated deliveries by.
  id text PRIMARY KEY CHECK (id ~ '^msg_[0-9a-f]{32}$'),
  tenant text NOT NULL,
  target text NOT NULL,
  group_key text NOT NULL,
  alerts bigint NOT NULL CHECK (alerts > 0),
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'delivered', 'parked')),
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  tries integer NOT NULL DEFAULT 0,
  next_try_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Who tries it, until when; another sender may take it afterwards.
  token uuid,
  sender text,
  leased_until timestamptz,
  -- What went wrong last: a word, and what people are told.
  failure text,
  last_error text,
  ended_at timestamptz,
  CHECK ((state = 'open') = (ended_at IS NULL))
);
CREATE INDEX alert_messages_open ON alert_messages (tenant, target, next_try_at) WHERE state = 'open';
CREATE INDEX alert_messages_made_at ON alert_messages (made_at);

CREATE TABLE alert_deliveries (
  alert_id bigint NOT NULL REFERENCES alerts (id),
  tenant text NOT NULL,
  target text NOT NULL,
  group_key text NOT NULL,
  fingerprint text NOT NULL,
  state text NOT NULL CHECK (state IN ('firing', 'resolved')),
  raised_at timestamptz NOT NULL,
  -- The message that tells of it; null until there is one.
  message_id text REFERENCES alert_messages (id),
  -- It says that something is over of which the target was not told, or the target does not want to know.
  muted boolean NOT NULL DEFAULT false,
  PRIMARY KEY (alert_id, target),
  CHECK (NOT muted OR message_id IS NULL)
);
CREATE INDEX alert_deliveries_waiting ON alert_deliveries (tenant, target, fingerprint, alert_id)
  WHERE message_id IS NULL AND NOT muted;
CREATE INDEX alert_deliveries_message ON alert_deliveries (message_id) WHERE message_id IS NOT NULL;

-- What a target was told last of a condition.
CREATE TABLE alert_conditions (
  tenant text NOT NULL,
  target text NOT NULL,
  fingerprint text NOT NULL,
  group_key text NOT NULL,
  told text NOT NULL CHECK (told IN ('firing', 'resolved')),
  told_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, target, fingerprint)
);
CREATE INDEX alert_conditions_group ON alert_conditions (tenant, target, group_key, told_at);

GRANT INSERT, UPDATE ON alert_targets, alert_messages, alert_deliveries, alert_conditions TO muster_ingest, muster_score;

-- Puts alerts into the outbox, in the statement that records the fact. That a condition is over is put there only when
-- the last word on it was that it is met.
CREATE OR REPLACE FUNCTION put_alerts(in_alerts jsonb, in_batch bigint, in_run bigint) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO alerts (
      tenant, fingerprint, condition, about, state, measured, threshold, measured_over, target, batch_id, run_id)
    SELECT coalesce(tenant, 'default'), fingerprint, condition, about, coalesce(state, 'firing'), measured, threshold,
      measured_over, target, in_batch, in_run
    FROM jsonb_to_recordset(coalesce(in_alerts, '[]')) AS given (
      tenant text, fingerprint text, condition text, about text, state text, measured double precision,
      threshold double precision, measured_over text, target text)
    WHERE coalesce(given.state, 'firing') = 'firing' OR 'firing' = (
      SELECT earlier.state FROM alerts AS earlier
      WHERE earlier.tenant = coalesce(given.tenant, 'default') AND earlier.fingerprint = given.fingerprint
        AND earlier.target IS NOT DISTINCT FROM given.target
      ORDER BY earlier.id DESC LIMIT 1);
$$;

-- Puts into the outbox that the conditions of these fingerprints are over, where the last word was that they are met.
CREATE FUNCTION resolve_alerts(in_fingerprints text[], in_run bigint) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO alerts (tenant, fingerprint, condition, about, state, measured_over, target, run_id)
    SELECT tenant, fingerprint, condition, about, 'resolved', measured_over, target, in_run
    FROM (
      SELECT DISTINCT ON (tenant, fingerprint, target) * FROM alerts
      WHERE fingerprint = ANY (in_fingerprints) ORDER BY tenant, fingerprint, target, id DESC) AS last
    WHERE state = 'firing';
$$;

-- What went wrong with a pipeline's runs is over with a run that scored all of its batches.
CREATE FUNCTION resolve_run_alerts() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM resolve_alerts(array(
    SELECT format('pipeline/%s/%s', NEW.pipeline, condition)
    FROM unnest(ARRAY['run_failed', 'batch_failed', 'batch_corrupt']) AS condition), NEW.id);
  RETURN NULL;
END $$;
CREATE TRIGGER runs_done AFTER UPDATE OF state ON runs FOR EACH ROW
  WHEN (OLD.state = 'open' AND NEW.state = 'done' AND NEW.corrupt = 0) EXECUTE FUNCTION resolve_run_alerts();

-- Lets paused sources go on, as before; and says that what paused them is over.
CREATE OR REPLACE FUNCTION resume_source(in_source bigint, in_skip_to bigint) RETURNS boolean
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
  PERFORM resolve_alerts(array(
    SELECT DISTINCT fingerprint FROM alerts
    WHERE starts_with(fingerprint, format('source/%s/%s/', held.topic, held.partition))), NULL);
  RETURN true;
END $$;

-- Writes down whom new alerts are for: the target they name, or all. `in_targets` is a list of {target, by}, where `by`
-- names what alerts of one message agree in. Answers how many alerts it took.
CREATE FUNCTION assign_alerts(in_tenant text, in_targets jsonb, in_count bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  taken bigint[];
BEGIN
  taken := array(
    SELECT id FROM alerts WHERE tenant = in_tenant AND assigned_at IS NULL
    ORDER BY id LIMIT in_count FOR UPDATE SKIP LOCKED);
  INSERT INTO alert_deliveries (alert_id, tenant, target, group_key, fingerprint, state, raised_at)
    SELECT alerts.id, alerts.tenant, told.target,
      concat_ws(' ', CASE WHEN told.by ? 'about' THEN 'about=' || alerts.about END,
        CASE WHEN told.by ? 'condition' THEN 'condition=' || alerts.condition END),
      alerts.fingerprint, alerts.state, alerts.raised_at
    FROM alerts CROSS JOIN LATERAL (
      SELECT target, by FROM jsonb_to_recordset(in_targets) AS known (target text, by jsonb)
        WHERE alerts.target IS NULL OR known.target = alerts.target
      UNION ALL
      -- A target that this sender does not know: another one may, later.
      SELECT alerts.target, '["about", "condition"]'::jsonb
        WHERE alerts.target IS NOT NULL AND NOT in_targets @> jsonb_build_array(
          jsonb_build_object('target', alerts.target))) AS told
    WHERE alerts.id = ANY (taken)
    ON CONFLICT DO NOTHING;
  UPDATE alerts SET assigned_at = clock_timestamp() WHERE id = ANY (taken);
  RETURN cardinality(taken);
END $$;

-- Mutes what a target need not be told: that something is over of which it does not know.
CREATE FUNCTION mute_alerts(in_tenant text, in_target text, in_resolved boolean) RETURNS void
LANGUAGE sql AS $$
  WITH muted AS (
    UPDATE alert_deliveries AS over SET muted = true
    WHERE tenant = in_tenant AND target = in_target AND message_id IS NULL AND NOT muted AND state = 'resolved'
      AND NOT (in_resolved AND (
        EXISTS (
          SELECT FROM alert_conditions AS known WHERE known.tenant = in_tenant AND known.target = in_target
            AND known.fingerprint = over.fingerprint AND known.told = 'firing')
        OR EXISTS (
          SELECT FROM alert_deliveries AS earlier WHERE earlier.tenant = in_tenant AND earlier.target = in_target
            AND earlier.fingerprint = over.fingerprint AND earlier.message_id IS NULL AND NOT earlier.muted
            AND earlier.state = 'firing' AND earlier.alert_id < over.alert_id)))
    RETURNING fingerprint
  )
  -- A target that is not told of ends is told when the same begins anew.
  UPDATE alert_conditions SET told = 'resolved'
    WHERE tenant = in_tenant AND target = in_target AND fingerprint IN (SELECT fingerprint FROM muted);
$$;

-- Makes the next message of a target whose row is locked, when one is due; null when none is. A group is due `in_wait`
-- after its first alert that is news, yet `in_interval` after its last message; without news, `in_repeat` after it.
-- Where more groups are due than messages may be sent in a minute, one message stands for all.
CREATE FUNCTION make_alert_message(
  in_tenant text, in_target text, in_wait double precision, in_interval double precision, in_repeat double precision,
  in_per_minute integer, in_alerts bigint, in_resolved boolean) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  due text[];
  members bigint[];
  made text := 'msg_' || replace(gen_random_uuid()::text, '-', '');
BEGIN
  PERFORM mute_alerts(in_tenant, in_target, in_resolved);
  SELECT array_agg(group_key ORDER BY coalesce(news_at, told_at)) INTO due
  FROM (
    SELECT waiting.group_key, min(waiting.raised_at) FILTER (WHERE waiting.state IS DISTINCT FROM known.told) AS news_at,
      (SELECT max(conditions.told_at) FROM alert_conditions AS conditions
        WHERE conditions.tenant = in_tenant AND conditions.target = in_target
          AND conditions.group_key = waiting.group_key) AS told_at
    FROM alert_deliveries AS waiting LEFT JOIN alert_conditions AS known
      ON known.tenant = in_tenant AND known.target = in_target AND known.fingerprint = waiting.fingerprint
    WHERE waiting.tenant = in_tenant AND waiting.target = in_target AND waiting.message_id IS NULL AND NOT waiting.muted
    GROUP BY waiting.group_key) AS groups
  WHERE clock_timestamp() >= CASE
    WHEN news_at IS NULL THEN coalesce(told_at, '-infinity') + make_interval(secs => in_repeat)
    ELSE greatest(news_at + make_interval(secs => in_wait), told_at + make_interval(secs => in_interval))
  END;
  IF due IS NULL THEN
    RETURN NULL;
  END IF;
  IF cardinality(due) <= in_per_minute THEN
    due := due[1:1];
  END IF;

  members := array(
    SELECT alert_id FROM alert_deliveries
    WHERE tenant = in_tenant AND target = in_target AND message_id IS NULL AND NOT muted AND group_key = ANY (due)
    ORDER BY alert_id LIMIT in_alerts);
  INSERT INTO alert_messages (id, tenant, target, group_key, alerts)
    VALUES (made, in_tenant, in_target, CASE cardinality(due) WHEN 1 THEN due[1] ELSE '' END, cardinality(members));
  UPDATE alert_deliveries SET message_id = made WHERE target = in_target AND alert_id = ANY (members);
  INSERT INTO alert_conditions (tenant, target, fingerprint, group_key, told, told_at)
    SELECT DISTINCT ON (fingerprint) tenant, target, fingerprint, group_key, state, clock_timestamp()
    FROM alert_deliveries WHERE message_id = made ORDER BY fingerprint, alert_id DESC
    ON CONFLICT (tenant, target, fingerprint)
      DO UPDATE SET group_key = excluded.group_key, told = excluded.told, told_at = excluded.told_at;
  RETURN made;
END $$;

-- Takes the next message of a target to try: one that is to be tried again, or a new one. Nothing while another sender
-- takes one, while the target is disabled or must rest, or where nothing is due.
CREATE FUNCTION take_alert_message(
  in_tenant text, in_target text, in_sender text, in_lease double precision, in_wait double precision,
  in_interval double precision, in_repeat double precision, in_per_minute integer, in_alerts bigint,
  in_resolved boolean)
RETURNS TABLE (message_id text, token uuid, group_key text, made_at timestamptz, tries integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  taken text;
BEGIN
  INSERT INTO alert_targets (tenant, target) VALUES (in_tenant, in_target) ON CONFLICT DO NOTHING;
  PERFORM FROM alert_targets
    WHERE tenant = in_tenant AND target = in_target AND disabled_at IS NULL AND not_before <= clock_timestamp()
    FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT id INTO taken FROM alert_messages
    WHERE tenant = in_tenant AND target = in_target AND state = 'open' AND next_try_at <= clock_timestamp()
      AND (leased_until IS NULL OR leased_until < clock_timestamp())
    ORDER BY next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF taken IS NULL THEN
    taken := make_alert_message(
      in_tenant, in_target, in_wait, in_interval, in_repeat, in_per_minute, in_alerts, in_resolved);
  END IF;
  IF taken IS NULL THEN
    RETURN;
  END IF;
  UPDATE alert_targets SET not_before = clock_timestamp() + make_interval(secs => 60.0 / in_per_minute)
    WHERE tenant = in_tenant AND target = in_target;
  UPDATE alert_messages SET token = gen_random_uuid(), sender = in_sender, tries = tries + 1,
      leased_until = clock_timestamp() + make_interval(secs => in_lease)
    WHERE id = taken;
  RETURN QUERY
    SELECT messages.id, messages.token, messages.group_key, messages.made_at, messages.tries
    FROM alert_messages AS messages WHERE messages.id = taken;
END $$;

-- Writes down what came of a try: `delivered`, `open` to be tried again after `in_wait`, or `parked`. The target rests
-- for `in_rest`, and is disabled where `in_disable` says so. False when the message has passed to another sender.
CREATE FUNCTION end_alert_try(
  in_message text, in_token uuid, in_state text, in_failure text, in_error text, in_wait double precision,
  in_rest double precision, in_disable boolean) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  held alert_messages;
BEGIN
  UPDATE alert_messages SET state = in_state, failure = in_failure, last_error = in_error, leased_until = NULL,
      next_try_at = clock_timestamp() + make_interval(secs => in_wait),
      ended_at = CASE WHEN in_state <> 'open' THEN clock_timestamp() END
    WHERE id = in_message AND token = in_token AND state = 'open' RETURNING * INTO held;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  UPDATE alert_targets SET
      not_before = greatest(not_before, clock_timestamp() + make_interval(secs => in_rest)),
      disabled_at = CASE WHEN in_disable THEN clock_timestamp() ELSE disabled_at END,
      disabled_reason = CASE WHEN in_disable THEN in_error ELSE disabled_reason END
    WHERE tenant = held.tenant AND target = held.target AND (in_rest > 0 OR in_disable);
  RETURN true;
END $$;

-- Has messages tried again at once, and enables their targets: one message whatever its state, or all of a target that
-- were not delivered. Those that a sender is trying are left to it. Answers how many.
CREATE FUNCTION resend_alert_messages(in_tenant text, in_target text, in_message text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  reopened bigint;
BEGIN
  WITH asked AS (
    UPDATE alert_messages SET state = 'open', tries = 0, next_try_at = clock_timestamp(), ended_at = NULL
    WHERE tenant = in_tenant AND (leased_until IS NULL OR leased_until < clock_timestamp())
      AND (id = in_message OR (in_message IS NULL AND target = in_target AND state <> 'delivered'))
    RETURNING target
  ), enabled AS (
    UPDATE alert_targets SET disabled_at = NULL, disabled_reason = NULL, not_before = '-infinity'
    WHERE tenant = in_tenant AND (target = in_target OR target IN (SELECT target FROM asked))
  )
  SELECT count(*) INTO reopened FROM asked;
  RETURN reopened;
END $$;
