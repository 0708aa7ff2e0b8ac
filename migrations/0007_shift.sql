-- What a task's event made of its state, "moved doing" or "archived -", and nothing for whatever left the state alone.
-- Figures of many sprints read tens of thousands of these, from the index alone.
ALTER TABLE events ADD shift text GENERATED ALWAYS AS (
    CASE WHEN kind IN ('task.created', 'task.imported', 'task.archived', 'task.restored')
           OR kind = 'task.moved' AND before->>'state' IS DISTINCT FROM after->>'state'
         THEN substr(kind, 6) || ' ' || coalesce(after->>'state', '-')
              || CASE WHEN after->>'archived' = 'true' THEN ' archived' ELSE '' END
    END) STORED;

DROP INDEX event_shift, event_shift_of_task;
CREATE INDEX event_shift ON events (team_id, at, seq) INCLUDE (task_id, shift) WHERE shift IS NOT NULL;
CREATE INDEX event_shift_of_task ON events (team_id, task_id, at, seq) INCLUDE (shift) WHERE shift IS NOT NULL;
