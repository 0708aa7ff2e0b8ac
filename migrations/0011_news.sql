-- A "for" names teams as they were called when it was written, or by a name before that.
CREATE TABLE former_names (
    team_id uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    name    text NOT NULL,
    PRIMARY KEY (team_id, name)
);
CREATE INDEX former_name_of_team ON former_names (lower(name));
INSERT INTO former_names (team_id, name)
SELECT DISTINCT e.team_id, e.before->>'name' FROM events e
WHERE e.kind = 'team.renamed' AND e.before->>'name' <> e.after->>'name';

-- What is told of goals, sprints and projects, and what was put to a goal or project or taken from it: whoever follows
-- one reads it from where they last looked, however long ago that was. Moves are found by their tasks.
CREATE INDEX event_of_aims ON events (team_id, seq)
    WHERE task_id IS NULL OR kind = 'task.edited' AND after ?| ARRAY['goal', 'project'];
