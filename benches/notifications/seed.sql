-- A team with 100,000 tasks. Fifty people follow its first task, 5,000 have a digest to come, and the inbox of the
-- workspace's first administrator has 100,000 rows.
INSERT INTO teams (id, slug, name, key, created_at) VALUES (md5('bench')::uuid, 'bench', 'Bench', 'BEN', now());
INSERT INTO columns (team_id, id, slug, name, state, position)
SELECT md5('bench')::uuid, gen_random_uuid(), c.slug, c.name, c.state, c.position FROM columns c JOIN teams t ON t.id = c.team_id AND t.key = 'INF';
DELETE FROM days_off;

INSERT INTO tasks (team_id, id, number, column_id, rank, title, created_at, column_since)
SELECT c.team_id, md5('task-' || n)::uuid, n, c.id, lpad(n::text, 6, '0') || 'V', 'Task ' || n, now(), now()
FROM generate_series(1, 100000) n JOIN columns c ON c.team_id = md5('bench')::uuid AND c.state = 'todo';

CREATE TEMP TABLE reader AS SELECT md5('reader-' || n)::uuid AS id, n FROM generate_series(1, 5000) n;
INSERT INTO accounts (id, email, name, handle, hue, created_at, email_confirmed_at, digest_at)
SELECT id, 'reader-' || n || '@example.org', 'Reader ' || n, 'reader-' || n, n % 12, now(), now(), 540 FROM reader;
INSERT INTO members (team_id, account_id, since) SELECT md5('bench')::uuid, id, now() FROM reader;
INSERT INTO members (team_id, account_id, since, role)
SELECT md5('bench')::uuid, id, now(), 'lead' FROM accounts WHERE role = 'admin' ORDER BY created_at, id LIMIT 1;
INSERT INTO follows (id, account_id, team_id, task_id, since)
SELECT gen_random_uuid(), id, md5('bench')::uuid, md5('task-1')::uuid, now() FROM reader WHERE n > 4950;

-- five threads each
CREATE TEMP TABLE thread AS
SELECT r.id AS account_id, gen_random_uuid() AS id, md5('task-' || (r.n + 1000 * k))::uuid AS task_id, now() - k * interval '1 hour' AS at, true AS is_unread
FROM reader r CROSS JOIN generate_series(1, 5) k;
INSERT INTO thread
SELECT a.id, gen_random_uuid(), md5('task-' || n)::uuid, now() - n * interval '1 minute', n % 2 = 0
FROM (SELECT id FROM accounts WHERE role = 'admin' ORDER BY created_at, id LIMIT 1) a CROSS JOIN generate_series(1, 100000) n;
-- counted once, instead of row by row
ALTER TABLE inbox_threads DISABLE TRIGGER USER;
INSERT INTO inbox_threads (account_id, id, team_id, task_id, newest_at, is_unread, done_at)
SELECT account_id, id, md5('bench')::uuid, task_id, at, is_unread, CASE WHEN NOT is_unread THEN at END FROM thread;
ALTER TABLE inbox_threads ENABLE TRIGGER USER;
UPDATE accounts a SET unread = (SELECT count(*) FROM inbox_threads i WHERE i.account_id = a.id AND i.is_unread);
INSERT INTO inbox_items (account_id, thread_id, reason, seq, at, is_read)
SELECT account_id, id, 'comment', 0, at, NOT is_unread FROM thread;
INSERT INTO mail_choices (account_id, reason, delivery) SELECT id, 'comment', 'digest' FROM reader;
INSERT INTO notification_cursors (team_id, seq) SELECT id, seq FROM teams ON CONFLICT (team_id) DO UPDATE SET seq = excluded.seq;
