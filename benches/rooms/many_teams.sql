-- Fifty more teams with ten people each. In the active sprint each has three goals and forty tasks, of which a tenth are
-- blocked, by tasks of the next team. Whoever is signed in is on five of them.
INSERT INTO accounts (id, email, name, handle, hue, created_at)
SELECT md5('person-' || n)::uuid, 'person-' || n || '@example.org', 'Person Number ' || n, 'person-' || n, n % 12, now() - interval '1 year' FROM generate_series(1, 500) n;
CREATE TEMP TABLE further AS
SELECT n AS nth, md5('further-' || n)::uuid AS id FROM generate_series(1, 50) n;
INSERT INTO teams (id, slug, name, key, last_number, created_at) SELECT id, 'further-' || nth, 'Further ' || nth, 'F' || chr(64 + (nth + 25) / 26) || chr(65 + nth % 26), 40, now() - interval '1 year' FROM further;
INSERT INTO members (team_id, account_id, role, since)
SELECT f.id, md5('person-' || (f.nth - 1) * 10 + m)::uuid, CASE m WHEN 1 THEN 'lead' ELSE 'member' END, now() - interval '1 year' FROM further f, generate_series(1, 10) m
UNION ALL SELECT f.id, a.id, 'member', now() - interval '1 year' FROM further f, (SELECT id FROM accounts WHERE role = 'admin' ORDER BY created_at, id LIMIT 1) a WHERE f.nth <= 5;
INSERT INTO columns (team_id, id, slug, name, state, position)
SELECT f.id, md5('further-' || f.nth || c.slug)::uuid, c.slug, c.name, c.state, c.position
FROM further f, columns c JOIN teams i ON i.id = c.team_id AND i.slug = 'infrastructure';
INSERT INTO goals (team_id, id, sprint_id, position, title, measure, unit, target, hue)
SELECT f.id, md5('further-goal-' || f.nth || '-' || g)::uuid, s.id, g, 'Goal ' || g, 'count', 'tasks', 10, g FROM further f, sprints s, generate_series(1, 3) g WHERE s.state = 'active';
INSERT INTO goal_owners (team_id, goal_id, account_id)
SELECT f.id, md5('further-goal-' || f.nth || '-' || g)::uuid, md5('person-' || (f.nth - 1) * 10 + g)::uuid FROM further f, generate_series(1, 3) g;
INSERT INTO tasks (team_id, id, number, column_id, rank, title, sprint_id, goal_id, estimate, created_at, column_since)
SELECT f.id, md5('further-' || f.nth || '-' || n)::uuid, n, c.id, lpad(n::text, 6, '0') || 'V', 'Task ' || n || ' of one team of many', s.id,
       CASE WHEN n % 2 = 0 THEN md5('further-goal-' || f.nth || '-' || n / 2 % 3 + 1)::uuid END, n % 5 + 1, now() - interval '12 days', now() - interval '1 hour' * n
FROM further f CROSS JOIN generate_series(1, 40) n JOIN sprints s ON s.state = 'active'
JOIN columns c ON c.team_id = f.id AND c.state = (ARRAY['todo', 'todo', 'todo', 'todo', 'doing', 'doing', 'blocked', 'review', 'done', 'done'])[n % 10 + 1];
INSERT INTO task_owners (team_id, task_id, account_id, position)
SELECT f.id, md5('further-' || f.nth || '-' || n)::uuid, md5('person-' || (f.nth - 1) * 10 + n / 4 % 10 + 1)::uuid, 1 FROM further f, generate_series(1, 40) n WHERE n % 4 <> 0;
INSERT INTO task_owners (team_id, task_id, account_id, position)
SELECT f.id, md5('further-' || f.nth || '-' || n)::uuid, a.id, 1
FROM further f, generate_series(4, 40, 4) n, (SELECT id FROM accounts WHERE role = 'admin' ORDER BY created_at, id LIMIT 1) a WHERE f.nth <= 5;
INSERT INTO blockers (team_id, id, task_id, kind, on_task_team, on_task_id, since)
SELECT f.id, gen_random_uuid(), md5('further-' || f.nth || '-' || n)::uuid, 'task', o.id, md5('further-' || o.nth || '-' || n - 1)::uuid, now() - interval '2 days'
FROM further f JOIN further o ON o.nth = f.nth % 50 + 1, generate_series(6, 40, 10) n;
INSERT INTO events (team_id, seq, change_id, task_id, kind, before, after, version, at)
SELECT f.id, n, gen_random_uuid(), md5('further-' || f.nth || '-' || n)::uuid, 'task.created', '{}',
       jsonb_build_object('title', 'Task', 'column', 'todo', 'state', 'todo', 'rank', 'V', 'sprint', s.id), 1, now() - interval '12 days'
FROM further f, generate_series(1, 40) n, sprints s WHERE s.state = 'active';
INSERT INTO events (team_id, seq, change_id, task_id, kind, before, after, version, at)
SELECT k.team_id, 40 + k.number, gen_random_uuid(), k.id, 'task.moved', '{"column": "todo", "state": "todo", "rank": "V"}',
       jsonb_build_object('column', c.slug, 'state', c.state, 'rank', 'W'), 2, k.column_since
FROM tasks k JOIN further f ON f.id = k.team_id JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id AND c.state <> 'todo';
UPDATE teams SET seq = 80 WHERE id IN (SELECT id FROM further);
