-- A line of the audit that names a team says {team}: what that is called depends on who reads it, and when.
ALTER TABLE audit ADD team_id uuid REFERENCES teams ON DELETE SET NULL;

-- Whoever asked takes it back.
ALTER TABLE requests DROP CONSTRAINT request_outcome, DROP CONSTRAINT request_says_why,
    ADD CONSTRAINT request_says_why CHECK (outcome IS NULL OR outcome IN ('taken', 'withdrawn') OR answer ~ '\S'),
    ADD CONSTRAINT request_outcome CHECK (outcome IN ('taken', 'answered', 'declined', 'withdrawn'));
