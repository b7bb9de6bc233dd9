SELECT current_setting('server_version'),
       current_setting('server_version_num')::int,
       current_user::text,
       pg_is_in_recovery(),
       current_setting('fsync')::bool AND current_setting('synchronous_commit') <> 'off',
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       current_setting('max_connections')::bigint
