-- The ground: who there is, which teams, what they work on, and what happened.
-- Keys are uuid v7. Whatever belongs to a team is led by team_id, so that a team can live on a machine of its own.

CREATE TABLE workspace (
    only_one      boolean PRIMARY KEY DEFAULT true CONSTRAINT workspace_is_one CHECK (only_one),
    name          text NOT NULL DEFAULT 'Fortnight' CONSTRAINT workspace_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 100),
    cadence_weeks integer NOT NULL DEFAULT 2 CONSTRAINT workspace_cadence CHECK (cadence_weeks BETWEEN 1 AND 8),
    time_zone     text NOT NULL DEFAULT 'UTC' CONSTRAINT workspace_time_zone_length CHECK (length(time_zone) BETWEEN 1 AND 100),
    -- counts every change that all boards show: people, teams, sprints
    seq           bigint NOT NULL DEFAULT 0,
    set_up_at     timestamptz
);
INSERT INTO workspace DEFAULT VALUES;

CREATE TABLE accounts (
    id             uuid PRIMARY KEY,
    email          text NOT NULL CONSTRAINT account_email_form CHECK (email ~ '^[^@\s]+@[^@\s]+$' AND length(email) <= 254),
    name           text NOT NULL CONSTRAINT account_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 100),
    handle         text NOT NULL CONSTRAINT account_handle_form CHECK (handle ~ '^[a-z0-9][a-z0-9-]{0,38}$'),
    hue            smallint NOT NULL CONSTRAINT account_hue CHECK (hue BETWEEN 0 AND 11),
    time_zone      text NOT NULL DEFAULT 'UTC' CONSTRAINT account_time_zone_length CHECK (length(time_zone) BETWEEN 1 AND 100),
    role           text NOT NULL DEFAULT 'member' CONSTRAINT account_role CHECK (role IN ('admin', 'member', 'viewer')),
    password_hash  text,
    created_at     timestamptz NOT NULL,
    deactivated_at timestamptz
);
CREATE UNIQUE INDEX account_email ON accounts (lower(email));
CREATE UNIQUE INDEX account_handle ON accounts (handle);

-- Tokens are random 256 bits; only their SHA-256 is here.
CREATE TABLE sessions (
    token_hash   bytea PRIMARY KEY,
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    user_agent   text NOT NULL DEFAULT '' CONSTRAINT session_user_agent_length CHECK (length(user_agent) <= 300)
);
CREATE INDEX session_account ON sessions (account_id);

-- One-time links: setting up an empty workspace, and signing a visitor of the demo in.
CREATE TABLE entry_links (
    token_hash bytea PRIMARY KEY,
    purpose    text NOT NULL CONSTRAINT entry_link_purpose CHECK (purpose IN ('setup', 'sign-in')),
    account_id uuid REFERENCES accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT entry_link_account CHECK ((purpose = 'setup') = (account_id IS NULL))
);

CREATE TABLE tokens (
    id           uuid PRIMARY KEY,
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    token_hash   bytea NOT NULL CONSTRAINT token_once UNIQUE,
    scope        text NOT NULL CONSTRAINT token_scope CHECK (scope IN ('read', 'write')),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX token_account ON tokens (account_id);

CREATE TABLE teams (
    id          uuid PRIMARY KEY,
    slug        text NOT NULL CONSTRAINT team_slug UNIQUE CONSTRAINT team_slug_form CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$'),
    name        text NOT NULL CONSTRAINT team_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 100),
    key         text NOT NULL CONSTRAINT team_key UNIQUE CONSTRAINT team_key_form CHECK (key ~ '^[A-Z][A-Z0-9]{1,9}$'),
    -- the number of the newest event; taken under this row's lock
    seq         bigint NOT NULL DEFAULT 0,
    -- the newest task's number; never goes back
    last_number bigint NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL
);

CREATE TABLE members (
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    role       text NOT NULL DEFAULT 'member' CONSTRAINT member_role CHECK (role IN ('lead', 'member')),
    since      timestamptz NOT NULL,
    PRIMARY KEY (team_id, account_id)
);
CREATE INDEX member_account ON members (account_id);

CREATE TABLE columns (
    team_id   uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id        uuid NOT NULL,
    slug      text NOT NULL CONSTRAINT column_slug_form CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$'),
    name      text NOT NULL CONSTRAINT column_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 50),
    state     text NOT NULL CONSTRAINT column_state CHECK (state IN ('todo', 'doing', 'blocked', 'review', 'done')),
    position  integer NOT NULL,
    wip_limit integer CONSTRAINT column_wip_limit CHECK (wip_limit BETWEEN 1 AND 999),
    PRIMARY KEY (team_id, id),
    CONSTRAINT column_slug UNIQUE (team_id, slug),
    CONSTRAINT column_position UNIQUE (team_id, position) DEFERRABLE INITIALLY IMMEDIATE
);

CREATE TABLE sprints (
    id        uuid PRIMARY KEY,
    number    integer NOT NULL CONSTRAINT sprint_number UNIQUE CONSTRAINT sprint_number_range CHECK (number BETWEEN 1 AND 99999),
    name      text NOT NULL CONSTRAINT sprint_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 100),
    starts_on date NOT NULL,
    ends_on   date NOT NULL,
    state     text NOT NULL CONSTRAINT sprint_state CHECK (state IN ('planned', 'active', 'closed')),
    CONSTRAINT sprint_order CHECK (ends_on >= starts_on),
    CONSTRAINT sprint_overlap EXCLUDE USING gist (daterange(starts_on, ends_on, '[]') WITH &&)
);
CREATE UNIQUE INDEX sprint_one_active ON sprints (state) WHERE state = 'active';

CREATE TABLE goals (
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id         uuid NOT NULL,
    sprint_id  uuid NOT NULL REFERENCES sprints,
    position   integer NOT NULL CONSTRAINT goal_position_range CHECK (position BETWEEN 1 AND 99),
    title      text NOT NULL CONSTRAINT goal_title_length CHECK (length(btrim(title)) BETWEEN 1 AND 200),
    measure    text NOT NULL CONSTRAINT goal_measure CHECK (measure IN ('count', 'share', 'yes-no')),
    unit       text NOT NULL DEFAULT '' CONSTRAINT goal_unit_length CHECK (length(unit) <= 50),
    target     bigint NOT NULL CONSTRAINT goal_target CHECK (target BETWEEN 1 AND 1000000000),
    -- how far it is, when somebody says so; without it, its done tasks are counted
    typed      bigint CONSTRAINT goal_typed CHECK (typed BETWEEN 0 AND 1000000000),
    hue        smallint NOT NULL CONSTRAINT goal_hue CHECK (hue BETWEEN 0 AND 11),
    PRIMARY KEY (team_id, id),
    CONSTRAINT goal_position UNIQUE (team_id, sprint_id, position) DEFERRABLE INITIALLY IMMEDIATE
);

CREATE TABLE goal_owners (
    team_id    uuid NOT NULL,
    goal_id    uuid NOT NULL,
    account_id uuid NOT NULL REFERENCES accounts,
    PRIMARY KEY (team_id, goal_id, account_id),
    FOREIGN KEY (team_id, goal_id) REFERENCES goals ON DELETE CASCADE
);

CREATE TABLE tasks (
    team_id       uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id            uuid NOT NULL,
    number        bigint NOT NULL CONSTRAINT task_number_range CHECK (number >= 1),
    column_id     uuid NOT NULL,
    -- its place in the column, between two others; an archived task has none
    rank          text COLLATE "C" CONSTRAINT task_rank_form CHECK (rank ~ '^[0-9A-Za-z]{1,64}$' AND rank !~ '0$'),
    title         text NOT NULL CONSTRAINT task_title_length CHECK (length(title) <= 500 AND title ~ '\S'),
    description   text NOT NULL DEFAULT '' CONSTRAINT task_description_length CHECK (length(description) <= 100000),
    sprint_id     uuid REFERENCES sprints,
    goal_id       uuid,
    estimate      integer CONSTRAINT task_estimate CHECK (estimate BETWEEN 0 AND 1000),
    due_on        date,
    -- the team or people outside who wait for it, in words
    waited_for_by text NOT NULL DEFAULT '' CONSTRAINT task_for_length CHECK (length(waited_for_by) <= 200),
    -- counts every change of the task; the place has the version of its last move
    version       bigint NOT NULL DEFAULT 1,
    moved_version bigint NOT NULL DEFAULT 1,
    created_by    uuid REFERENCES accounts ON DELETE SET NULL,
    created_at    timestamptz NOT NULL,
    column_since  timestamptz NOT NULL,
    archived_at   timestamptz,
    -- where an import found it, so that a second run adds nothing twice
    imported_from text CONSTRAINT task_imported_from_length CHECK (length(imported_from) <= 500),
    PRIMARY KEY (team_id, id),
    CONSTRAINT task_number UNIQUE (team_id, number),
    CONSTRAINT task_imported_once UNIQUE (team_id, imported_from),
    CONSTRAINT task_rank UNIQUE (column_id, rank) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT task_place CHECK ((archived_at IS NULL) = (rank IS NOT NULL)),
    CONSTRAINT task_column FOREIGN KEY (team_id, column_id) REFERENCES columns,
    CONSTRAINT task_goal FOREIGN KEY (team_id, goal_id) REFERENCES goals
);
CREATE INDEX task_board ON tasks (team_id, sprint_id) WHERE archived_at IS NULL;
CREATE INDEX task_goal_of ON tasks (team_id, goal_id) WHERE goal_id IS NOT NULL;
CREATE INDEX task_archived ON tasks (team_id, archived_at DESC) WHERE archived_at IS NOT NULL;

CREATE TABLE task_owners (
    team_id    uuid NOT NULL,
    task_id    uuid NOT NULL,
    account_id uuid NOT NULL REFERENCES accounts,
    position   integer NOT NULL,
    PRIMARY KEY (team_id, task_id, account_id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX task_owner_account ON task_owners (account_id);

CREATE TABLE labels (
    team_id uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id      uuid NOT NULL,
    name    text NOT NULL CONSTRAINT label_name_form CHECK (length(name) BETWEEN 1 AND 50 AND name !~ '[\s",]'),
    hue     smallint NOT NULL CONSTRAINT label_hue CHECK (hue BETWEEN 0 AND 11),
    PRIMARY KEY (team_id, id)
);
CREATE UNIQUE INDEX label_name ON labels (team_id, lower(name));

CREATE TABLE task_labels (
    team_id  uuid NOT NULL,
    task_id  uuid NOT NULL,
    label_id uuid NOT NULL,
    PRIMARY KEY (team_id, task_id, label_id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE,
    FOREIGN KEY (team_id, label_id) REFERENCES labels ON DELETE CASCADE
);
CREATE INDEX task_label_label ON task_labels (team_id, label_id);

CREATE TABLE steps (
    team_id  uuid NOT NULL,
    id       uuid NOT NULL,
    task_id  uuid NOT NULL,
    position integer NOT NULL,
    text     text NOT NULL CONSTRAINT step_text_length CHECK (length(text) <= 500 AND text ~ '\S'),
    done     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX step_task ON steps (team_id, task_id, position);

CREATE TABLE comments (
    team_id    uuid NOT NULL,
    id         uuid NOT NULL,
    task_id    uuid NOT NULL,
    author_id  uuid REFERENCES accounts ON DELETE SET NULL,
    -- who wrote it where it was imported from, when that is nobody here
    author     text NOT NULL DEFAULT '' CONSTRAINT comment_author_length CHECK (length(author) <= 100),
    body       text NOT NULL CONSTRAINT comment_body_length CHECK (length(body) <= 20000 AND body ~ '\S'),
    created_at timestamptz NOT NULL,
    edited_at  timestamptz,
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX comment_task ON comments (team_id, task_id, created_at);

-- Why a task is blocked, a row a reason and spell. An open one has no end.
CREATE TABLE waits (
    team_id       uuid NOT NULL,
    id            uuid NOT NULL,
    task_id       uuid NOT NULL,
    kind          text NOT NULL CONSTRAINT wait_kind CHECK (kind IN ('task', 'team', 'person', 'text')),
    on_task_team  uuid,
    on_task_id    uuid,
    on_team_id    uuid REFERENCES teams ON DELETE CASCADE,
    on_account_id uuid REFERENCES accounts ON DELETE CASCADE,
    note          text NOT NULL DEFAULT '' CONSTRAINT wait_note_length CHECK (length(note) <= 500),
    since         timestamptz NOT NULL,
    ended_at      timestamptz,
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE,
    CONSTRAINT wait_on_task FOREIGN KEY (on_task_team, on_task_id) REFERENCES tasks ON DELETE CASCADE,
    CONSTRAINT wait_names_one CHECK (
        (kind = 'task') = (on_task_id IS NOT NULL AND on_task_team IS NOT NULL)
        AND (kind = 'team') = (on_team_id IS NOT NULL)
        AND (kind = 'person') = (on_account_id IS NOT NULL)
        AND (kind <> 'text' OR note ~ '\S')),
    CONSTRAINT wait_not_on_itself CHECK (on_task_id IS DISTINCT FROM task_id),
    CONSTRAINT wait_ends_after CHECK (ended_at >= since)
);
CREATE INDEX wait_task ON waits (team_id, task_id) WHERE ended_at IS NULL;
CREATE INDEX wait_on ON waits (on_task_team, on_task_id) WHERE ended_at IS NULL;

-- Every change, numbered without gaps in its team. Events of one change share its change_id.
CREATE TABLE events (
    team_id   uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    seq       bigint NOT NULL,
    change_id uuid NOT NULL,
    task_id   uuid,
    actor_id  uuid REFERENCES accounts ON DELETE SET NULL,
    kind      text NOT NULL CONSTRAINT event_kind_form CHECK (kind ~ '^[a-z]+\.[a-z-]+$'),
    -- what was and what is, the changed fields only
    before    jsonb NOT NULL DEFAULT '{}',
    after     jsonb NOT NULL DEFAULT '{}',
    -- the task's version after it
    version   bigint,
    at        timestamptz NOT NULL,
    PRIMARY KEY (team_id, seq),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX event_task ON events (team_id, task_id, seq);
CREATE INDEX event_change ON events (change_id);

CREATE TABLE saved_filters (
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id         uuid NOT NULL,
    -- whose it is; nobody's is the whole team's
    account_id uuid REFERENCES accounts ON DELETE CASCADE,
    name       text NOT NULL CONSTRAINT saved_filter_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 60),
    query      text NOT NULL CONSTRAINT saved_filter_query_length CHECK (length(query) <= 1000),
    PRIMARY KEY (team_id, id)
);
CREATE UNIQUE INDEX saved_filter_name ON saved_filters (team_id, account_id, lower(name)) NULLS NOT DISTINCT;

-- A repeated API write is one write: the key is taken in the write's own transaction.
CREATE TABLE idempotency_keys (
    account_id  uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    key         text NOT NULL CONSTRAINT idempotency_key_length CHECK (length(key) BETWEEN 1 AND 200),
    fingerprint bytea NOT NULL,
    change_id   uuid NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, key)
);
