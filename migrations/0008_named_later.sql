-- A line of the audit that names a team says {team}: what that is called depends on who reads it, and when.
ALTER TABLE audit ADD team_id uuid REFERENCES teams ON DELETE SET NULL;
