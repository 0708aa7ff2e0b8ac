-- Ten years behind the team "many": 1,000,000 archived tasks with 5,000,000 events, before all that seed.sql wrote. Their
-- sequence numbers come first, so the existing ones move up.
UPDATE events SET seq = seq + 5000000 WHERE team_id = md5('many')::uuid;
UPDATE teams SET seq = seq + 5000000, last_number = 1005000 WHERE slug = 'many';
UPDATE feed_cursors SET seq = seq + 5000000 WHERE team_id = md5('many')::uuid;
UPDATE checkin_visits SET seq = seq + 5000000, before_seq = before_seq + 5000000 WHERE team_id = md5('many')::uuid;

-- What triggers would set row by row is written beside.
ALTER TABLE tasks DISABLE TRIGGER task_text_added;
ALTER TABLE task_owners DISABLE TRIGGER owner_is_archived;
ALTER TABLE events DISABLE TRIGGER event_transition;

CREATE TEMP TABLE old_task AS
SELECT n, md5('many-old-' || n)::uuid AS id, now() - interval '2 years' - interval '3650 days' * ((1000000 - n) / 1000000.0) AS made
FROM generate_series(1, 1000000) n;
INSERT INTO tasks (team_id, id, number, column_id, title, created_at, column_since, archived_at)
SELECT md5('many')::uuid, o.id, 5000 + o.n, c.id, 'Old task ' || o.n, o.made, o.made + interval '9 days', o.made + interval '30 days'
FROM old_task o JOIN columns c ON c.team_id = md5('many')::uuid AND c.state = 'done';
INSERT INTO task_texts (team_id, task_id, title, title_words, words)
SELECT md5('many')::uuid, id, 'old task ' || n, search_words('Old task ' || n), search_words('Old task ' || n) FROM old_task;
INSERT INTO task_owners (team_id, task_id, account_id, position, is_archived)
SELECT md5('many')::uuid, o.id, m.account_id, 1, true
FROM old_task o
JOIN (SELECT account_id, row_number() OVER (ORDER BY account_id) - 1 AS nth, count(*) OVER () AS many FROM members WHERE team_id = md5('many')::uuid) m
     ON m.nth = o.n % m.many
WHERE o.n % 4 <> 0;
INSERT INTO events (team_id, seq, change_id, task_id, kind, before, after, version, at, transition)
SELECT md5('many')::uuid, (o.n - 1) * 5 + e.nth, md5('many-change-' || o.n || '-' || e.nth)::uuid, o.id, e.kind, e.before::jsonb, e.after::jsonb, e.nth,
       o.made + e.later, e.transition
FROM old_task o CROSS JOIN (VALUES
    (1, 'task.created', '{}', '{"title": "Old task", "column": "todo", "state": "todo", "rank": "V"}', interval '0', 'created todo'),
    (2, 'task.moved', '{"column": "todo", "state": "todo", "rank": "V"}', '{"column": "in-progress", "state": "doing", "rank": "W"}', interval '2 days', 'moved doing'),
    (3, 'comment.added', '{}', '{"comment": "x"}', interval '3 days', NULL),
    (4, 'task.moved', '{"column": "in-progress", "state": "doing", "rank": "W"}', '{"column": "done", "state": "done", "rank": "X"}', interval '9 days', 'moved done'),
    (5, 'task.archived', '{"archived": false}', '{"archived": true}', interval '30 days', 'archived -'))
    AS e (nth, kind, before, after, later, transition)
ORDER BY o.n, e.nth;

ALTER TABLE tasks ENABLE TRIGGER task_text_added;
ALTER TABLE task_owners ENABLE TRIGGER owner_is_archived;
ALTER TABLE events ENABLE TRIGGER event_transition;
