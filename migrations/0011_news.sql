-- What is told of goals, sprints and projects, and what was put to a goal or project or taken from it: whoever follows
-- one reads it from where they last looked, however long ago that was. Moves are found by their tasks.
CREATE INDEX event_of_aims ON events (team_id, seq)
    WHERE task_id IS NULL OR kind = 'task.edited' AND after ?| ARRAY['goal', 'project'];
