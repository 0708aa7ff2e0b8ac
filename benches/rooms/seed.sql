-- Two teams with the same 5,000 tasks over two years. In the last four sprints the same happened to both;
-- the second one has ten times as many events, and all of the others lie before those sprints.
INSERT INTO teams (id, slug, name, key, last_number, created_at)
SELECT md5(slug)::uuid, slug, initcap(slug), upper(slug), 5000, now() - interval '3 years' FROM unnest(ARRAY['few', 'many']) slug;

INSERT INTO columns (team_id, id, slug, name, state, position)
SELECT t.id, md5(t.slug || c.slug)::uuid, c.slug, c.name, c.state, c.position
FROM teams t, columns c JOIN teams i ON i.id = c.team_id AND i.slug = 'infrastructure' WHERE t.slug IN ('few', 'many');

CREATE TEMP TABLE life AS
SELECT team, slug, n, md5(slug || '-' || n)::uuid AS id, sprint,
       made, CASE WHEN begun < now() THEN begun END AS begun, CASE WHEN done < now() THEN done END AS done,
       CASE WHEN done < now() THEN 'done' WHEN begun < now() THEN 'doing' ELSE 'todo' END AS state
FROM (
    SELECT t.id AS team, t.slug, n, made, s.id AS sprint,
           -- one in ten was never begun
           CASE WHEN n % 10 <> 0 THEN made + interval '2 days' END AS begun,
           CASE WHEN n % 10 <> 0 THEN made + interval '1 day' * (2 + n * 7 % 13) END AS done
    FROM teams t CROSS JOIN generate_series(1, 5000) n
    CROSS JOIN LATERAL (SELECT now() - interval '730 days' * (5000 - n) / 5000.0 AS made) m
    LEFT JOIN sprints s ON m.made::date BETWEEN s.starts_on AND s.ends_on
    WHERE t.slug IN ('few', 'many')) l;

INSERT INTO tasks (team_id, id, number, column_id, rank, title, sprint_id, created_at, column_since)
SELECT l.team, l.id, l.n, c.id, lpad(l.n::text, 6, '0') || 'V', 'Task ' || l.n || ' of a team that has been here for long', l.sprint, l.made,
       coalesce(l.done, l.begun, l.made)
FROM life l JOIN columns c ON c.team_id = l.team AND c.state = l.state;

CREATE TEMP TABLE past (team uuid, task uuid, at timestamptz, nth int, kind text, before jsonb, after jsonb);
INSERT INTO past SELECT team, id, made, 0, 'task.created', '{}', jsonb_build_object('title', 'Task', 'column', 'todo', 'state', 'todo', 'rank', 'V', 'sprint', sprint) FROM life;
INSERT INTO past SELECT team, id, begun, 100, 'task.moved', '{"column": "todo", "state": "todo", "rank": "V"}', '{"column": "in-progress", "state": "doing", "rank": "W"}' FROM life WHERE begun IS NOT NULL;
INSERT INTO past SELECT team, id, begun + interval '1 hour', 101, 'comment.added', '{}', '{"comment": "x"}' FROM life WHERE begun + interval '1 hour' < now();
INSERT INTO past SELECT team, id, done, 102, 'task.moved', '{"column": "in-progress", "state": "doing", "rank": "W"}', '{"column": "done", "state": "done", "rank": "X"}' FROM life WHERE done IS NOT NULL;
-- before it was begun, and before the range: talk, edits, moves within a column, six times into another and back
INSERT INTO past
SELECT team, id, made + interval '1 hour' * g, g,
       CASE g % 6 WHEN 0 THEN 'task.moved' WHEN 1 THEN 'task.moved' WHEN 2 THEN 'comment.added' WHEN 3 THEN 'task.edited' WHEN 4 THEN 'task.moved' ELSE 'step.added' END,
       CASE g % 6 WHEN 1 THEN '{"column": "blocked", "state": "blocked", "rank": "V"}'::jsonb WHEN 3 THEN '{"title": "Old"}' ELSE '{"column": "todo", "state": "todo", "rank": "V"}' END,
       CASE g % 6 WHEN 0 THEN '{"column": "blocked", "state": "blocked", "rank": "V"}'::jsonb WHEN 3 THEN '{"title": "New"}' ELSE '{"column": "todo", "state": "todo", "rank": "V"}' END
FROM life, generate_series(2, 40) g
WHERE slug = 'many' AND made + interval '3 days' < (SELECT min(starts_on) FROM sprints);

INSERT INTO events (team_id, seq, change_id, task_id, kind, before, after, version, at)
SELECT team, row_number() OVER (PARTITION BY team ORDER BY at, task, nth), gen_random_uuid(), task, kind, before, after, 1, at FROM past;
UPDATE teams t SET seq = (SELECT max(seq) FROM events WHERE team_id = t.id) WHERE slug IN ('few', 'many');

INSERT INTO waits (team_id, id, task_id, kind, note, since, ended_at)
SELECT team, gen_random_uuid(), id, 'text', 'Reason ' || n % 40, begun, done FROM life WHERE n % 15 = 1 AND begun IS NOT NULL;
