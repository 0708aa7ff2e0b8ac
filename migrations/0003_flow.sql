-- What figures are read from: when tasks came into another state, and when they joined or left a sprint.

-- A task that is brought back says its state, as a moved one does.
UPDATE events e SET after = e.after || jsonb_build_object('state', c.state)
FROM columns c
WHERE e.kind = 'task.restored' AND NOT e.after ? 'state' AND c.team_id = e.team_id AND c.slug = e.after->>'column';

-- Moves within a state, which are most of them, are in neither index.
CREATE INDEX event_shift ON events (team_id, at, seq)
    WHERE kind IN ('task.created', 'task.moved', 'task.imported', 'task.archived', 'task.restored')
          AND (kind <> 'task.moved' OR before->>'state' IS DISTINCT FROM after->>'state');
CREATE INDEX event_shift_of_task ON events (team_id, task_id, at, seq)
    WHERE kind IN ('task.created', 'task.moved', 'task.imported', 'task.archived', 'task.restored')
          AND (kind <> 'task.moved' OR before->>'state' IS DISTINCT FROM after->>'state');

CREATE INDEX event_joins_sprint ON events (team_id, (after->>'sprint')) WHERE after->>'sprint' IS NOT NULL;
CREATE INDEX event_leaves_sprint ON events (team_id, (before->>'sprint')) WHERE before->>'sprint' IS NOT NULL;

-- Waits by when they were, so that those of other times cost nothing.
CREATE INDEX wait_when ON waits USING gist (tstzrange(since, ended_at, '[]'));
