-- Years behind a team: archived tasks with five events each, before all that it has. Their sequence numbers come first,
-- so the existing ones move up. Which team, how many tasks and until when is said in a temporary table
-- `history (team, tasks, until)` of one row; the tasks are spread evenly over the ten years before that.
UPDATE events SET seq = seq + 5 * h.tasks, undoes = undoes + 5 * h.tasks FROM history h WHERE team_id = h.team;
UPDATE notification_cursors SET seq = seq + 5 * h.tasks FROM history h WHERE team_id = h.team;
UPDATE checkin_visits SET seq = seq + 5 * h.tasks, before_seq = before_seq + 5 * h.tasks FROM history h WHERE team_id = h.team;

-- What triggers would set row by row is written beside.
ALTER TABLE tasks DISABLE TRIGGER task_text_added;
ALTER TABLE task_owners DISABLE TRIGGER owner_is_archived;
ALTER TABLE events DISABLE TRIGGER event_transition;

CREATE TEMP TABLE old_task AS
SELECT h.team, n, md5(h.team || '-old-' || n)::uuid AS id, t.last_number + n AS number, h.until - interval '3650 days' * ((h.tasks - n) / h.tasks::float8) AS made
FROM history h JOIN teams t ON t.id = h.team CROSS JOIN generate_series(1, h.tasks) n;
UPDATE teams SET seq = seq + 5 * h.tasks, last_number = last_number + h.tasks FROM history h WHERE id = h.team;
INSERT INTO tasks (team_id, id, number, column_id, title, created_at, column_since, archived_at)
SELECT o.team, o.id, o.number, c.id, 'Old task ' || o.n, o.made, o.made + interval '9 days', o.made + interval '30 days'
FROM old_task o JOIN columns c ON c.team_id = o.team AND c.state = 'done';
INSERT INTO task_texts (team_id, task_id, title, title_words, words)
SELECT team, id, 'old task ' || n, search_words('Old task ' || n), search_words('Old task ' || n) FROM old_task;
INSERT INTO task_owners (team_id, task_id, account_id, position, is_archived)
SELECT o.team, o.id, m.account_id, 1, true
FROM old_task o
JOIN (SELECT account_id, row_number() OVER (ORDER BY account_id) - 1 AS nth, count(*) OVER () AS many FROM members JOIN history h ON h.team = team_id) m
     ON m.nth = o.n % m.many
WHERE o.n % 4 <> 0;
INSERT INTO blockers (team_id, id, task_id, kind, note, since, ended_at)
SELECT team, md5(id || '-blocker')::uuid, id, 'text', 'Reason ' || n % 40, made + interval '3 days', made + interval '5 days' FROM old_task WHERE n % 15 = 1;
INSERT INTO events (team_id, seq, change_id, task_id, kind, before, after, version, at, transition)
SELECT o.team, (o.n - 1) * 5 + e.nth, md5(o.id || '-change-' || e.nth)::uuid, o.id, e.kind, e.before::jsonb, e.after::jsonb, e.nth, o.made + e.later, e.transition
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
