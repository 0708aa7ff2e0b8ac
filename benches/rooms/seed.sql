-- Two teams with the same 5,000 tasks over two years. In the last four sprints the same happened to both;
-- the second one has ten times as many events. All of the others lie before those sprints, and before the 90 days by
-- which a standup says what is old. Whoever is signed in is on both, owns tasks in them, and is waited for.
INSERT INTO sprints (id, number, name, starts_on, ends_on, state)
SELECT gen_random_uuid(), s.number - n, 'Sprint ' || s.number - n, s.starts_on - 14 * n, s.starts_on - 14 * n + 13, 'closed'
FROM (SELECT * FROM sprints ORDER BY number LIMIT 1) s, generate_series(1, s.number - 1) n;

INSERT INTO teams (id, slug, name, key, last_number, created_at, public)
SELECT md5(slug)::uuid, slug, initcap(slug), upper(slug), 5000, now() - interval '3 years', true FROM unnest(ARRAY['few', 'many']) slug;

CREATE TEMP TABLE crew AS
SELECT m.account_id AS id, row_number() OVER (ORDER BY m.account_id) - 1 AS nth, count(*) OVER () AS many
FROM members m JOIN teams t ON t.id = m.team_id AND t.slug = 'infrastructure';
INSERT INTO members (team_id, account_id, role, since)
SELECT t.id, c.id, 'member', t.created_at FROM teams t, crew c WHERE t.slug IN ('few', 'many');

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

-- Some of what is in progress is in review, and some waits.
UPDATE life SET state = CASE n % 5 WHEN 1 THEN 'review' WHEN 2 THEN 'blocked' ELSE state END WHERE state = 'doing';
-- What nobody has begun is in the backlog, and some of it set aside for the next sprint.
UPDATE life SET sprint = NULL WHERE state = 'todo' AND sprint <> (SELECT id FROM sprints WHERE state = 'active');
UPDATE life SET sprint = (SELECT id FROM sprints WHERE state = 'planned' ORDER BY number LIMIT 1) WHERE state = 'todo' AND n % 100 = 0;

-- What outlives sprints: a project with milestones, and an objective with a key result, that goals of ten sprints serve.
INSERT INTO projects (team_id, id, slug, name, about, measure, unit, target, hue, created_at)
SELECT id, md5(slug || '-project')::uuid, slug, 'What ' || slug || ' is here for', 'Goals and tasks of both teams serve it.', 'count', 'tasks', 900, 3, created_at
FROM teams WHERE slug IN ('few', 'many');
INSERT INTO milestones (team_id, id, project_id, position, title, reached_at)
SELECT team_id, md5(slug || '-milestone-' || n)::uuid, id, n, 'Milestone ' || n, CASE WHEN n < 4 THEN now() END FROM projects, generate_series(1, 8) n WHERE slug IN ('few', 'many');
INSERT INTO objectives (team_id, id, quarter, position, title)
SELECT id, md5(slug || '-objective-' || n)::uuid, '2026-Q' || n, 1, 'What is better after quarter ' || n FROM teams, generate_series(1, 4) n WHERE slug IN ('few', 'many');
INSERT INTO key_results (team_id, id, objective_id, position, title, measure, unit, target)
SELECT t.id, md5(t.slug || '-result-' || n)::uuid, md5(t.slug || '-objective-' || (n % 4 + 1))::uuid, n, 'Key result ' || n, 'count', 'tasks', 200
FROM teams t, generate_series(1, 12) n WHERE t.slug IN ('few', 'many');
INSERT INTO goals (team_id, id, sprint_id, position, title, measure, unit, target, hue, counted_by, why, project_team_id, project_id, milestone_id, key_result_id)
SELECT t.id, md5(t.slug || '-goal-' || s.number || '-' || n)::uuid, s.id, n, 'Goal ' || n || ' of ' || s.name, 'count', 'tasks', 20, n, 'tasks', 'So that others can go on.',
       CASE WHEN n = 1 THEN t.id END, CASE WHEN n = 1 THEN md5(t.slug || '-project')::uuid END, CASE WHEN n = 1 THEN md5(t.slug || '-milestone-' || (s.number % 8 + 1))::uuid END, md5(t.slug || '-result-' || n)::uuid
FROM teams t, sprints s, generate_series(1, 5) n WHERE t.slug IN ('few', 'many');
INSERT INTO goal_owners (team_id, goal_id, account_id)
SELECT g.team_id, g.id, c.id FROM goals g JOIN teams t ON t.id = g.team_id AND t.slug IN ('few', 'many')
JOIN crew c ON c.nth IN (g.position % c.many, (g.position + g.position % 2) % c.many);
INSERT INTO goal_comments (team_id, id, goal_id, kind, body, created_at, author_id)
SELECT g.team_id, gen_random_uuid(), g.id, CASE n WHEN 1 THEN 'concern' ELSE 'comment' END, 'We will be blocked by this.', now(), (SELECT id FROM crew WHERE nth = 1)
FROM goals g JOIN teams t ON t.id = g.team_id AND t.slug IN ('few', 'many'), generate_series(1, 3) n;

INSERT INTO tasks (team_id, id, number, column_id, rank, title, sprint_id, goal_id, project_team_id, project_id, estimate, created_at, column_since)
SELECT l.team, l.id, l.n, c.id, lpad(l.n::text, 6, '0') || 'V', 'Task ' || l.n || ' of a team that has been here for long', l.sprint, g.id,
       CASE WHEN l.n % 8 = 3 THEN l.team END, CASE WHEN l.n % 8 = 3 THEN md5(l.slug || '-project')::uuid END, l.n % 5 + 1, l.made, coalesce(l.done, l.begun, l.made)
FROM life l JOIN columns c ON c.team_id = l.team AND c.state = l.state
LEFT JOIN goals g ON g.team_id = l.team AND g.sprint_id = l.sprint AND g.position = l.n % 7;
INSERT INTO task_owners (team_id, task_id, account_id, position)
SELECT l.team, l.id, c.id, 1 FROM life l JOIN crew c ON c.nth = l.n / 3 % c.many WHERE l.n % 4 <> 0;

CREATE TEMP TABLE past (team uuid, task uuid, at timestamptz, nth int, kind text, before jsonb, after jsonb);
INSERT INTO past SELECT team, id, made, 0, 'task.created', '{}', jsonb_build_object('title', 'Task', 'column', 'todo', 'state', 'todo', 'rank', 'V', 'sprint', sprint) FROM life;
INSERT INTO past SELECT team, id, begun, 100, 'task.moved', jsonb_build_object('column', 'todo', 'state', 'todo', 'rank', 'V', 'column_since', made), '{"column": "in-progress", "state": "doing", "rank": "W"}' FROM life WHERE begun IS NOT NULL;
INSERT INTO past SELECT team, id, begun + interval '1 hour', 101, 'comment.added', '{}', '{"comment": "x"}' FROM life WHERE begun + interval '1 hour' < now();
INSERT INTO past SELECT team, id, done, 102, 'task.moved', jsonb_build_object('column', 'in-progress', 'state', 'doing', 'rank', 'W', 'column_since', begun), '{"column": "done", "state": "done", "rank": "X"}' FROM life WHERE done IS NOT NULL;
-- before it was begun, and before the range: talk, edits, moves within a column, six times into another and back
INSERT INTO past
SELECT team, id, made + interval '1 hour' * g, g,
       CASE g % 6 WHEN 0 THEN 'task.moved' WHEN 1 THEN 'task.moved' WHEN 2 THEN 'comment.added' WHEN 3 THEN 'task.edited' WHEN 4 THEN 'task.moved' ELSE 'step.added' END,
       CASE g % 6 WHEN 1 THEN '{"column": "blocked", "state": "blocked", "rank": "V"}'::jsonb WHEN 3 THEN '{"title": "Old"}' ELSE '{"column": "todo", "state": "todo", "rank": "V"}' END,
       CASE g % 6 WHEN 0 THEN '{"column": "blocked", "state": "blocked", "rank": "V"}'::jsonb WHEN 3 THEN '{"title": "New"}' ELSE '{"column": "todo", "state": "todo", "rank": "V"}' END
FROM life, generate_series(2, 43) g
WHERE slug = 'many' AND made + interval '3 days' < (SELECT starts_on - 42 FROM sprints WHERE state = 'active') AND made + interval '3 days' < now() - interval '90 days';

INSERT INTO events (team_id, seq, change_id, task_id, kind, before, after, version, at)
SELECT team, row_number() OVER (PARTITION BY team ORDER BY at, task, nth), gen_random_uuid(), task, kind, before, after, 1, at FROM past;
UPDATE teams t SET seq = (SELECT max(seq) FROM events WHERE team_id = t.id) WHERE slug IN ('few', 'many');

INSERT INTO blockers (team_id, id, task_id, kind, note, since, ended_at)
SELECT team, gen_random_uuid(), id, 'text', 'Reason ' || n % 40, begun, done FROM life WHERE n % 15 = 1 AND begun IS NOT NULL;
-- What is blocked waits on a task of the other team, on one of its own, or on a person.
INSERT INTO blockers (team_id, id, task_id, kind, on_task_team, on_task_id, since)
SELECT l.team, gen_random_uuid(), l.id, 'task', o.team, o.id, l.begun
FROM life l JOIN life o ON o.state IN ('todo', 'doing') AND o.n = l.n + 2 AND (o.slug = l.slug) = (l.n % 2 = 0) WHERE l.state = 'blocked';
INSERT INTO blockers (team_id, id, task_id, kind, on_account_id, since)
SELECT l.team, gen_random_uuid(), l.id, 'person', c.id, l.begun FROM life l JOIN crew c ON c.nth = l.n % c.many WHERE l.state = 'blocked';

INSERT INTO actions (team_id, id, text, owner_id, meeting, created_by, created_at)
SELECT t.id, gen_random_uuid(), 'Something promised', c.id, 'standup', c.id, now() - interval '3 days' FROM teams t, crew c, generate_series(1, 3) WHERE t.slug IN ('few', 'many');
INSERT INTO topics (team_id, id, meeting, text, created_by, created_at)
SELECT t.id, gen_random_uuid(), m, 'Opinions wanted', c.id, now() FROM teams t, crew c, unnest(ARRAY['standup', 'planning', 'retro']) m WHERE t.slug IN ('few', 'many');
INSERT INTO retro_notes (team_id, id, sprint_id, category, text, author_id, created_at)
SELECT t.id, gen_random_uuid(), s.id, y, 'A note of the retro', c.id, now()
FROM teams t, sprints s, crew c, unnest(ARRAY['thanks', 'well', 'not', 'idea']) y WHERE t.slug IN ('few', 'many');

-- Two sprints are closed, with figures that another team's closing froze.
INSERT INTO sprint_reports (team_id, sprint_id, closed_by, closed_at, change_id, figures)
SELECT t.id, c.sprint_id, c.closed_by, c.closed_at, (SELECT change_id FROM events e WHERE e.team_id = t.id AND e.at < c.closed_at ORDER BY e.seq DESC LIMIT 1), c.figures
FROM sprint_reports c JOIN teams i ON i.id = c.team_id AND i.slug = 'infrastructure', teams t
WHERE t.slug IN ('few', 'many') AND c.sprint_id IN (SELECT sprint_id FROM sprint_reports JOIN sprints s ON s.id = sprint_id WHERE team_id = i.id ORDER BY s.number LIMIT 2);

-- Everybody follows both teams, their projects, the goals that go on and forty tasks, and have read their inbox.
INSERT INTO follows (id, account_id, team_id, task_id, goal_id, project_id, since)
SELECT gen_random_uuid(), c.id, f.team_id, f.task_id, f.goal_id, f.project_id, now() - interval '1 year'
FROM crew c CROSS JOIN (
    SELECT id AS team_id, NULL::uuid AS task_id, NULL::uuid AS goal_id, NULL::uuid AS project_id FROM teams WHERE slug IN ('few', 'many')
    UNION ALL SELECT team_id, NULL, NULL, id FROM projects WHERE slug IN ('few', 'many')
    UNION ALL SELECT g.team_id, NULL, g.id, NULL FROM goals g JOIN sprints s ON s.id = g.sprint_id AND s.state = 'active' JOIN teams t ON t.id = g.team_id AND t.slug IN ('few', 'many')
    UNION ALL SELECT team, id, NULL, NULL FROM life WHERE n > 4980) f;

-- Somebody's visit to the check-ins of both goes on; the one before it was a fortnight ago.
INSERT INTO checkin_visits (account_id, team_id, seq, at, before_seq, before_at)
SELECT c.id, t.id, t.seq, now(), (SELECT max(seq) FROM events e WHERE e.team_id = t.id AND e.at < now() - interval '14 days'), now() - interval '14 days'
FROM crew c, teams t WHERE t.slug IN ('few', 'many');
INSERT INTO notification_cursors (team_id, seq) SELECT id, seq FROM teams ON CONFLICT (team_id) DO UPDATE SET seq = excluded.seq;
