-- Other teams look in: what they wait for, what they follow, what they ask for, and links for whoever has no account.

-- Who of us waits for a task, as its "for" names them. Whatever names nobody here stays words.
CREATE TABLE awaits (
    team_id       uuid NOT NULL,
    task_id       uuid NOT NULL,
    by_team_id    uuid REFERENCES teams ON DELETE CASCADE,
    by_account_id uuid REFERENCES accounts ON DELETE CASCADE,
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE,
    CONSTRAINT await_names_one CHECK (num_nonnulls(by_team_id, by_account_id) = 1),
    CONSTRAINT await_once UNIQUE NULLS NOT DISTINCT (team_id, task_id, by_team_id, by_account_id)
);
CREATE INDEX await_team ON awaits (by_team_id) WHERE by_team_id IS NOT NULL;
CREATE INDEX await_account ON awaits (by_account_id) WHERE by_account_id IS NOT NULL;

INSERT INTO awaits (team_id, task_id, by_team_id)
SELECT DISTINCT k.team_id, k.id, t.id
FROM tasks k CROSS JOIN LATERAL regexp_split_to_table(k.waited_for_by, ',') part
JOIN teams t ON lower(btrim(part)) IN (lower(t.name), t.slug, lower(t.key)) AND NOT t.private AND t.id <> k.team_id
WHERE k.waited_for_by <> '';
INSERT INTO awaits (team_id, task_id, by_account_id)
SELECT DISTINCT k.team_id, k.id, a.id
FROM tasks k CROSS JOIN LATERAL regexp_split_to_table(k.waited_for_by, ',') part
JOIN accounts a ON lower(btrim(part)) IN ('@' || a.handle, lower(a.name))
WHERE k.waited_for_by <> '';

-- A visit to a team's check-in, and the one before it: what happened between stands on the page.
CREATE TABLE looks (
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    seq        bigint NOT NULL,
    at         timestamptz NOT NULL,
    before_seq bigint NOT NULL,
    before_at  timestamptz,
    PRIMARY KEY (account_id, team_id)
);

-- A task, a goal, a project, or with none of them a whole team, that somebody wants to hear of.
CREATE TABLE follows (
    id         uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    task_id    uuid,
    goal_id    uuid,
    project_id uuid,
    since      timestamptz NOT NULL,
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE,
    FOREIGN KEY (team_id, goal_id) REFERENCES goals ON DELETE CASCADE,
    FOREIGN KEY (team_id, project_id) REFERENCES projects ON DELETE CASCADE,
    CONSTRAINT follow_names_one CHECK (num_nonnulls(task_id, goal_id, project_id) <= 1),
    CONSTRAINT follow_once UNIQUE NULLS NOT DISTINCT (account_id, team_id, task_id, goal_id, project_id)
);

-- Up to which event of a team somebody has read what happened in all that they follow.
CREATE TABLE seen (
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    seq        bigint NOT NULL,
    PRIMARY KEY (account_id, team_id)
);

-- What somebody of another team would like to have: taken as a task, answered, or declined with a reason.
CREATE TABLE requests (
    team_id     uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id          uuid NOT NULL,
    title       text NOT NULL CONSTRAINT request_title_length CHECK (length(title) <= 500 AND title ~ '\S'),
    why         text NOT NULL DEFAULT '' CONSTRAINT request_why_length CHECK (length(why) <= 5000),
    by_on       date,
    asker_id    uuid REFERENCES accounts ON DELETE SET NULL,
    -- the asker's own team, which waits for it then
    for_team_id uuid REFERENCES teams ON DELETE SET NULL,
    created_at  timestamptz NOT NULL,
    outcome     text CONSTRAINT request_outcome CHECK (outcome IN ('taken', 'answered', 'declined')),
    answer      text NOT NULL DEFAULT '' CONSTRAINT request_answer_length CHECK (length(answer) <= 5000),
    settled_by  uuid REFERENCES accounts ON DELETE SET NULL,
    settled_at  timestamptz,
    task_id     uuid,
    PRIMARY KEY (team_id, id),
    CONSTRAINT request_task FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE SET NULL (task_id),
    CONSTRAINT request_settled_whole CHECK ((outcome IS NULL) = (settled_at IS NULL)),
    CONSTRAINT request_says_why CHECK (outcome IS NULL OR outcome = 'taken' OR answer ~ '\S')
);
CREATE INDEX request_open ON requests (team_id, created_at) WHERE outcome IS NULL;
CREATE INDEX request_asker ON requests (asker_id, created_at);

-- A board or a check-in for whoever has the link. Only the SHA-256 of its secret is here.
CREATE TABLE share_links (
    team_id       uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id            uuid NOT NULL,
    token_hash    bytea NOT NULL CONSTRAINT share_link_once UNIQUE,
    name          text NOT NULL CONSTRAINT share_link_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 100),
    shows         text NOT NULL CONSTRAINT share_link_shows CHECK (shows IN ('board', 'check-in')),
    password_hash text,
    created_by    uuid REFERENCES accounts ON DELETE SET NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz,
    revoked_at    timestamptz,
    last_used_at  timestamptz,
    PRIMARY KEY (team_id, id)
);

-- A team's check-in at an address that everybody may read.
ALTER TABLE teams
    ADD public boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT team_public_is_open CHECK (NOT (public AND private));
