-- What happened names people by their handles and tasks by their teams' keys: one that was ever somebody's, or a team's,
-- is no other's. Of somebody who was deleted only that it was somebody's is known.
CREATE TABLE former_handles (
    handle     text PRIMARY KEY,
    account_id uuid REFERENCES accounts ON DELETE SET NULL
);
CREATE INDEX former_handle_of ON former_handles (account_id);

CREATE TABLE former_keys (
    key     text PRIMARY KEY,
    team_id uuid NOT NULL REFERENCES teams ON DELETE CASCADE
);
CREATE INDEX former_key_of ON former_keys (team_id);

-- Teams that were called differently before this; a key that another has by now is that one's.
INSERT INTO former_keys (key, team_id)
SELECT DISTINCT ON (e.before->>'key') e.before->>'key', e.team_id
FROM events e
WHERE e.kind = 'team.renamed' AND e.before->>'key' <> e.after->>'key'
      AND NOT EXISTS (SELECT FROM teams t WHERE t.key = e.before->>'key')
ORDER BY e.before->>'key', e.at DESC;
