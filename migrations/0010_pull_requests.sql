-- Pull requests of GitHub, Forgejo, Gitea and GitLab, which move tasks.

-- A place that forges send deliveries to. Disconnecting keeps it, with its links and its log.
CREATE TABLE forge_connections (
    -- random: it is part of the address
    id               uuid PRIMARY KEY,
    name             text NOT NULL CONSTRAINT forge_connection_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 60),
    forge            text NOT NULL CONSTRAINT forge_connection_forge CHECK (forge IN ('github', 'forgejo', 'gitlab')),
    -- needed in the clear to verify signatures; it is shown once, when it is made
    secret           text NOT NULL CONSTRAINT forge_connection_secret_length CHECK (length(secret) BETWEEN 20 AND 100),
    created_at       timestamptz NOT NULL,
    disconnected_at  timestamptz
);
CREATE UNIQUE INDEX forge_connection_name ON forge_connections (lower(btrim(name))) WHERE disconnected_at IS NULL;

-- Secrets that were replaced. Each is accepted for a day, whatever is made after it.
CREATE TABLE forge_old_secrets (
    connection_id uuid NOT NULL REFERENCES forge_connections ON DELETE CASCADE,
    secret        text NOT NULL CONSTRAINT forge_old_secret_length CHECK (length(secret) BETWEEN 20 AND 100),
    until         timestamptz NOT NULL,
    PRIMARY KEY (connection_id, secret)
);

-- The repositories whose deliveries count. Tasks of all teams that a connection lists can be linked.
CREATE TABLE forge_repositories (
    connection_id uuid NOT NULL REFERENCES forge_connections ON DELETE CASCADE,
    id            uuid NOT NULL,
    team_id       uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    name          text NOT NULL CONSTRAINT forge_repository_name_form CHECK (name ~ '^[^\s/]+(/[^\s/]+)+$' AND length(name) <= 200),
    PRIMARY KEY (connection_id, id)
);
CREATE UNIQUE INDEX forge_repository_name ON forge_repositories (connection_id, lower(name));
CREATE INDEX forge_repository_team ON forge_repositories (team_id);

-- The team that each repository was listed with last. It stays when the repository is removed, so that what is still
-- delivered of a private team's repository is not shown to others. The team is null once it is deleted.
CREATE TABLE forge_repository_teams (
    connection_id uuid NOT NULL REFERENCES forge_connections ON DELETE CASCADE,
    -- in lower case
    name          text NOT NULL CONSTRAINT forge_repository_team_name_length CHECK (length(name) <= 200),
    team_id       uuid REFERENCES teams ON DELETE SET NULL,
    PRIMARY KEY (connection_id, name)
);
CREATE INDEX forge_repository_team_of ON forge_repository_teams (team_id);

CREATE TABLE forge_deliveries (
    id            uuid PRIMARY KEY,
    connection_id uuid NOT NULL REFERENCES forge_connections ON DELETE CASCADE,
    -- in the order in which they were received
    number        bigint GENERATED ALWAYS AS IDENTITY,
    -- the forge's id of it; null if it was refused, so that nobody can use up the id of another one
    delivery      text CONSTRAINT forge_delivery_id_length CHECK (length(delivery) BETWEEN 1 AND 200),
    event         text NOT NULL DEFAULT '' CONSTRAINT forge_delivery_event_length CHECK (length(event) <= 100),
    received_at   timestamptz NOT NULL,
    -- deleted after a week
    body          bytea CONSTRAINT forge_delivery_body_length CHECK (octet_length(body) <= 1048576),
    state         text NOT NULL CONSTRAINT forge_delivery_state CHECK (state IN ('waiting', 'done', 'failed', 'refused')),
    -- waiting: when it is tried next
    try_at        timestamptz,
    attempts      integer NOT NULL DEFAULT 0,
    -- waiting: it is being worked off, until try_at at most
    is_leased     boolean NOT NULL DEFAULT false,
    -- how often an administrator had it run again
    runs          integer NOT NULL DEFAULT 0 CONSTRAINT forge_delivery_runs CHECK (runs BETWEEN 0 AND 50),
    -- what it is about, such as "#418 merged into main, acme/alerts"
    summary       text NOT NULL DEFAULT '' CONSTRAINT forge_delivery_summary_length CHECK (length(summary) <= 300),
    -- the team of its repository
    team_id       uuid REFERENCES teams ON DELETE SET NULL,
    -- whether its repository has or had a team: then only readers of that team see what it is about. Known when it is
    -- received, and never unset
    has_team      boolean NOT NULL DEFAULT false,
    -- the outcome of the whole delivery, where no task has one
    outcome       text NOT NULL DEFAULT '' CONSTRAINT forge_delivery_outcome_length CHECK (length(outcome) <= 500),
    -- moved, linked, left-alone or nothing: the most that it did to a task
    result        text CONSTRAINT forge_delivery_result CHECK (result IN ('moved', 'linked', 'left-alone', 'nothing')),
    CONSTRAINT forge_delivery_once UNIQUE (connection_id, delivery),
    CONSTRAINT forge_delivery_try CHECK ((state = 'waiting') = (try_at IS NOT NULL)),
    CONSTRAINT forge_delivery_refused CHECK (state <> 'refused' OR (delivery IS NULL AND body IS NULL))
);
CREATE INDEX forge_delivery_waiting ON forge_deliveries (connection_id, number) WHERE state = 'waiting';
CREATE INDEX forge_delivery_refused_of ON forge_deliveries (connection_id, number) WHERE state = 'refused';
CREATE INDEX forge_delivery_log ON forge_deliveries (connection_id, number DESC);
CREATE INDEX forge_delivery_health ON forge_deliveries (connection_id, received_at) INCLUDE (state);
CREATE INDEX forge_delivery_received ON forge_deliveries (received_at);
CREATE INDEX forge_delivery_team ON forge_deliveries (team_id) WHERE team_id IS NOT NULL;
CREATE INDEX forge_delivery_body ON forge_deliveries (received_at) WHERE body IS NOT NULL;

-- What a delivery did to a task, and why not.
CREATE TABLE forge_delivery_tasks (
    delivery_id uuid NOT NULL REFERENCES forge_deliveries ON DELETE CASCADE,
    run         integer NOT NULL,
    team_id     uuid NOT NULL,
    task_id     uuid NOT NULL,
    result      text NOT NULL CONSTRAINT forge_delivery_task_result CHECK (result IN ('moved', 'linked', 'left-alone')),
    detail      text NOT NULL DEFAULT '' CONSTRAINT forge_delivery_task_detail_length CHECK (length(detail) <= 500),
    PRIMARY KEY (delivery_id, run, team_id, task_id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX forge_delivery_task_of ON forge_delivery_tasks (team_id, task_id);

CREATE TABLE pull_requests (
    id             uuid PRIMARY KEY,
    connection_id  uuid NOT NULL REFERENCES forge_connections ON DELETE CASCADE,
    -- the team of its repository: where that cannot be named, its title is not shown
    team_id        uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    repository     text NOT NULL CONSTRAINT pull_request_repository_length CHECK (length(repository) <= 200),
    number         bigint NOT NULL CONSTRAINT pull_request_number CHECK (number >= 1),
    title          text NOT NULL CONSTRAINT pull_request_title_length CHECK (length(title) <= 500),
    url            text NOT NULL CONSTRAINT pull_request_url_form CHECK (url = '' OR url ~ '^https?://' AND length(url) <= 1000),
    branch         text NOT NULL CONSTRAINT pull_request_branch_length CHECK (length(branch) <= 300),
    head_commit    text NOT NULL CONSTRAINT pull_request_head_length CHECK (length(head_commit) <= 100),
    state          text NOT NULL CONSTRAINT pull_request_state CHECK (state IN ('draft', 'open', 'merged', 'closed')),
    -- of the checks together; null: none have reported
    checks         text CONSTRAINT pull_request_checks CHECK (checks IN ('running', 'passed', 'failed')),
    -- logins, as the forge writes them
    reviewers      text[] NOT NULL DEFAULT '{}' CONSTRAINT pull_request_reviewers CHECK (cardinality(reviewers) <= 50),
    -- the time of the newest delivery about it, as the forge has it
    changed_at     timestamptz NOT NULL
);
CREATE UNIQUE INDEX pull_request_once ON pull_requests (connection_id, lower(repository), number);
CREATE INDEX pull_request_head ON pull_requests (connection_id, head_commit) WHERE state IN ('draft', 'open');
CREATE INDEX pull_request_team ON pull_requests (team_id);

-- Each check of the newest commit.
CREATE TABLE pull_request_checks (
    pull_request_id uuid NOT NULL REFERENCES pull_requests ON DELETE CASCADE,
    name            text NOT NULL CONSTRAINT pull_request_check_name_length CHECK (length(name) BETWEEN 1 AND 200),
    state           text NOT NULL CONSTRAINT pull_request_check_state CHECK (state IN ('running', 'passed', 'failed')),
    at              timestamptz NOT NULL,
    -- the forge's number of the run, which is larger for a later one; 0: it has none
    run             bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (pull_request_id, name)
);

CREATE TABLE pull_request_tasks (
    team_id         uuid NOT NULL,
    task_id         uuid NOT NULL,
    pull_request_id uuid NOT NULL REFERENCES pull_requests ON DELETE CASCADE,
    -- a closing word is before the key, in its texts
    closes          boolean NOT NULL,
    -- the same in commits; null: no commit names it. What commits name stays linked
    commits_close   boolean,
    -- the time of the closing that was commented on: only once
    commented_at    timestamptz,
    -- where it has moved the task, and the task's version then: it may move the task back from there
    moved_to        uuid,
    moved_version   bigint,
    PRIMARY KEY (team_id, task_id, pull_request_id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX pull_request_task_of ON pull_request_tasks (pull_request_id);

-- What people have unlinked. It is not linked again as long as the pull request names the task.
CREATE TABLE pull_request_unlinks (
    team_id         uuid NOT NULL,
    task_id         uuid NOT NULL,
    pull_request_id uuid NOT NULL REFERENCES pull_requests ON DELETE CASCADE,
    PRIMARY KEY (team_id, task_id, pull_request_id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX pull_request_unlink_of ON pull_request_unlinks (pull_request_id);

-- The keys in commits of branches, whose pull request may be opened later. Deleted with the branch, or after a month.
CREATE TABLE forge_branch_keys (
    connection_id uuid NOT NULL REFERENCES forge_connections ON DELETE CASCADE,
    repository    text NOT NULL CONSTRAINT forge_branch_key_repository_length CHECK (length(repository) <= 200),
    branch        text NOT NULL CONSTRAINT forge_branch_key_branch_length CHECK (length(branch) <= 300),
    key           text NOT NULL CONSTRAINT forge_branch_key_length CHECK (length(key) <= 25),
    closes        boolean NOT NULL,
    pushed_at     timestamptz NOT NULL,
    PRIMARY KEY (connection_id, repository, branch, key)
);
CREATE INDEX forge_branch_key_pushed ON forge_branch_keys (pushed_at);

-- What pull requests do to a team's tasks, where it is not the default.
CREATE TABLE pull_request_rules (
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    moment     text NOT NULL CONSTRAINT pull_request_rule_moment CHECK (moment IN ('draft', 'review', 'merged', 'closed')),
    is_on      boolean NOT NULL,
    -- null: the first column with the usual state
    column_id  uuid,
    PRIMARY KEY (team_id, moment),
    FOREIGN KEY (team_id, column_id) REFERENCES columns ON DELETE SET NULL (column_id)
);
CREATE INDEX pull_request_rule_column ON pull_request_rules (team_id, column_id) WHERE column_id IS NOT NULL;

-- The logins that people have proved to be theirs, in lower case.
CREATE TABLE forge_logins (
    connection_id uuid NOT NULL REFERENCES forge_connections ON DELETE CASCADE,
    login         text NOT NULL CONSTRAINT forge_login_form CHECK (login ~ '^[^\s@]{1,100}$'),
    account_id    uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    verified_at   timestamptz NOT NULL,
    PRIMARY KEY (connection_id, login),
    CONSTRAINT forge_login_once UNIQUE (account_id, connection_id)
);

-- Codes to prove a login with. Only the SHA-256 is stored.
CREATE TABLE forge_login_codes (
    account_id    uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    connection_id uuid NOT NULL REFERENCES forge_connections ON DELETE CASCADE,
    login         text NOT NULL CONSTRAINT forge_login_code_login CHECK (login ~ '^[^\s@]{1,100}$'),
    code_hash     bytea NOT NULL,
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, connection_id)
);
CREATE INDEX forge_login_code_connection ON forge_login_codes (connection_id);
