-- A sprint of 1,000 tasks: the newest of each of the two teams, 40 % of them in To do, a fifth in progress and a fifth done,
-- and a tenth each blocked and in review.
UPDATE tasks k SET sprint_id = s.id, column_id = c.id,
    goal_id = CASE WHEN k.number % 2 = 0 THEN (SELECT id FROM goals g WHERE g.team_id = k.team_id AND g.sprint_id = s.id AND g.position = k.number / 2 % 5 + 1) END,
    column_since = greatest(k.column_since, now() - interval '1 hour' * (k.number % 200))
FROM sprints s, columns c, teams t
WHERE s.state = 'active' AND t.slug IN ('few', 'many') AND k.team_id = t.id AND k.number > 4000 AND c.team_id = t.id
      AND c.state = (ARRAY['todo', 'todo', 'todo', 'todo', 'doing', 'doing', 'blocked', 'review', 'done', 'done'])[k.number % 10 + 1];
UPDATE events e SET after = jsonb_set(e.after, '{sprint}', to_jsonb(k.sprint_id))
FROM tasks k, teams t
WHERE t.slug IN ('few', 'many') AND k.team_id = t.id AND k.number > 4000 AND e.team_id = k.team_id AND e.task_id = k.id AND e.kind = 'task.created';
INSERT INTO blockers (team_id, id, task_id, kind, note, since)
SELECT k.team_id, gen_random_uuid(), k.id, 'text', 'Reason ' || k.number % 40, k.column_since
FROM tasks k JOIN teams t ON t.id = k.team_id AND t.slug IN ('few', 'many') JOIN columns c ON c.team_id = k.team_id AND c.id = k.column_id AND c.state = 'blocked'
WHERE k.number > 4000;
