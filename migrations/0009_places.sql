-- A place is one task's alone, as before. But a unique index makes a new rank a new key of the task, and locks it also
-- against being waited on, commented and told of: whoever moved one and whoever told of it waited for each other.
ALTER TABLE tasks DROP CONSTRAINT task_rank,
    ADD CONSTRAINT task_rank EXCLUDE USING btree (column_id WITH =, rank WITH =) DEFERRABLE INITIALLY IMMEDIATE;

-- How long tasks stay in a column is read also where the next column is of the same state; moves within a column are
-- many, and are none of it.
CREATE INDEX event_stay ON events (team_id, at) WHERE kind = 'task.moved' AND shift IS NULL AND before ? 'column_since';

-- What was done in a sprint is counted in its figures, archived or not.
CREATE INDEX task_archived_of ON tasks (team_id, sprint_id) WHERE archived_at IS NOT NULL;

-- What was typed in while a goal was measured otherwise is no figure of it any more: 31 of 50 is no 31 percent.
ALTER TABLE goal_entries ADD measure text CONSTRAINT goal_entry_measure CHECK (measure IN ('count', 'share', 'yes-no'));
UPDATE goal_entries e SET measure = g.measure FROM goals g WHERE g.team_id = e.team_id AND g.id = e.goal_id;
ALTER TABLE goal_entries ALTER measure SET NOT NULL;
