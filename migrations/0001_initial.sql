-- The schema of version 0.1.0. Constraints are named: the message for a violated one is found by its name.

-- Accounts, teams, their work, and the log of events.
-- Keys are UUIDv7. The key of everything that belongs to a team starts with team_id, so that teams can be partitioned.

-- For finding parts of words and misspelt words.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- The form in which texts are compared and searched: without case, accents, width, soft hyphens and other invisible
-- characters. The dotless i counts as i, as in Turkish words written elsewhere.
CREATE FUNCTION fold(text text) RETURNS text IMMUTABLE PARALLEL SAFE STRICT
    RETURN CASE WHEN octet_length(text) = char_length(text) THEN lower(text)
           ELSE replace(translate(lower(regexp_replace(normalize(text, NFKD), '[\u0300-\u036f\u00ad\u200b-\u200f\u2060\ufeff]', '', 'g')),
                                  'ıøłđς', 'ioldσ'), 'ß', 'ss')
           END;

-- The words of a text, for the search over everything. Some punctuation joins words for the parser, which would then
-- find neither the parts of a host name or path nor the number of a key; `translate` would take ten times as long.
-- Characters of scripts without spaces are words of their own.
CREATE FUNCTION search_words(text text) RETURNS tsvector IMMUTABLE PARALLEL SAFE STRICT
    RETURN strip(to_tsvector('simple', replace(replace(replace(replace(replace(replace(replace(replace(replace(
        CASE WHEN octet_length(text) = char_length(text) THEN lower(text)
             ELSE regexp_replace(fold(text), '([\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff])', ' \1 ', 'g')
        END,
        '.', ' '), '/', ' '), '-', ' '), '@', ' '), ':', ' '), '+', ' '), '<', ' '), '>', ' '), '&', ' ')));

CREATE TABLE workspace (
    only_one      boolean PRIMARY KEY DEFAULT true CONSTRAINT workspace_is_one CHECK (only_one),
    name          text NOT NULL DEFAULT 'Fortnight' CONSTRAINT workspace_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 100),
    cadence_weeks integer NOT NULL DEFAULT 2 CONSTRAINT workspace_cadence CHECK (cadence_weeks BETWEEN 1 AND 8),
    time_zone     text NOT NULL DEFAULT 'UTC' CONSTRAINT workspace_time_zone_length CHECK (length(time_zone) BETWEEN 1 AND 100),
    -- incremented by every change that all boards show: people, teams, sprints
    seq           bigint NOT NULL DEFAULT 0,
    set_up_at     timestamptz,
    cadence_weekday smallint NOT NULL DEFAULT 1 CONSTRAINT workspace_cadence_weekday CHECK (cadence_weekday BETWEEN 1 AND 7),
    sprint_names  text NOT NULL DEFAULT 'Sprint {n}'
        CONSTRAINT workspace_sprint_names CHECK (sprint_names LIKE '%{n}%' AND length(sprint_names) <= 60),
    registration_open boolean NOT NULL DEFAULT false,
    -- domains whose addresses can register while registration is open; empty: all
    registration_domains text[] NOT NULL DEFAULT '{}'
);
INSERT INTO workspace DEFAULT VALUES;

CREATE TABLE accounts (
    id             uuid PRIMARY KEY,
    email          text NOT NULL CONSTRAINT account_email_form CHECK (email ~ '^[^@\s]+@[^@\s]+$' AND length(email) <= 254),
    name           text NOT NULL CONSTRAINT account_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 100),
    -- filters mean something else by the reserved words
    handle         text NOT NULL CONSTRAINT account_handle_form CHECK (handle ~ '^[a-z0-9][a-z0-9-]{0,38}$')
                                 CONSTRAINT account_handle_reserved CHECK (handle NOT IN ('me', 'nobody', 'none', 'everyone')),
    hue            smallint NOT NULL CONSTRAINT account_hue CHECK (hue BETWEEN 0 AND 11),
    time_zone      text NOT NULL DEFAULT 'UTC' CONSTRAINT account_time_zone_length CHECK (length(time_zone) BETWEEN 1 AND 100),
    role           text NOT NULL DEFAULT 'member' CONSTRAINT account_role CHECK (role IN ('admin', 'member', 'viewer')),
    password_hash  text,
    created_at     timestamptz NOT NULL,
    deactivated_at timestamptz,
    -- working hours, in minutes of the day
    works_from     smallint NOT NULL DEFAULT 540,
    works_to       smallint NOT NULL DEFAULT 1020,
    CONSTRAINT account_hours CHECK (works_from >= 0 AND works_to <= 1440 AND works_from < works_to)
);
CREATE UNIQUE INDEX account_email ON accounts (lower(email));
CREATE UNIQUE INDEX account_handle ON accounts (handle);

-- Events name people by handle and tasks by their team's key, so handles and keys are never reused. Of a deleted account
-- only the fact that the handle was taken is kept.
CREATE TABLE former_handles (
    handle     text PRIMARY KEY,
    account_id uuid REFERENCES accounts ON DELETE SET NULL
);
CREATE INDEX former_handle_of ON former_handles (account_id);

-- Tokens are 256 random bits; only their SHA-256 is stored.
CREATE TABLE sessions (
    token_hash   bytea PRIMARY KEY,
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    user_agent   text NOT NULL DEFAULT '' CONSTRAINT session_user_agent_length CHECK (length(user_agent) <= 300)
);
CREATE INDEX session_account ON sessions (account_id);

-- One-time links: for setting up an empty workspace, and for signing in to the demo.
CREATE TABLE one_time_links (
    token_hash bytea PRIMARY KEY,
    purpose    text NOT NULL CONSTRAINT one_time_link_purpose CHECK (purpose IN ('setup', 'sign-in')),
    account_id uuid REFERENCES accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT one_time_link_account CHECK ((purpose = 'setup') = (account_id IS NULL))
);

-- One per person: a new link replaces the previous one.
CREATE TABLE password_resets (
    account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    token_hash bytea NOT NULL CONSTRAINT password_reset_once UNIQUE,
    created_by uuid REFERENCES accounts ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE tokens (
    id           uuid PRIMARY KEY,
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    token_hash   bytea NOT NULL CONSTRAINT token_once UNIQUE,
    scope        text NOT NULL CONSTRAINT token_scope CHECK (scope IN ('read', 'write', 'admin')),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    name         text NOT NULL DEFAULT '' CONSTRAINT token_name_length CHECK (length(name) <= 100),
    expires_at   timestamptz,
    -- the teams that the token is limited to; null: every team that its owner can see
    teams        uuid[]
);
CREATE INDEX token_account ON tokens (account_id);

CREATE TABLE teams (
    id          uuid PRIMARY KEY,
    slug        text NOT NULL CONSTRAINT team_slug UNIQUE CONSTRAINT team_slug_form CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$'),
    name        text NOT NULL CONSTRAINT team_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 100),
    key         text NOT NULL CONSTRAINT team_key UNIQUE CONSTRAINT team_key_form CHECK (key ~ '^[A-Z][A-Z0-9]{1,9}$'),
    -- the sequence number of the newest event, assigned under this row's lock
    seq         bigint NOT NULL DEFAULT 0,
    -- the number of the newest task; never decreases
    last_number bigint NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL,
    -- null: the workspace's
    time_zone   text CONSTRAINT team_time_zone_length CHECK (length(time_zone) BETWEEN 1 AND 100),
    working_days smallint[] NOT NULL DEFAULT '{1,2,3,4,5}'
        CONSTRAINT team_working_days CHECK (working_days <@ '{1,2,3,4,5,6,7}' AND cardinality(working_days) BETWEEN 1 AND 7),
    standup_days smallint[] NOT NULL DEFAULT '{1,3,5}'
        CONSTRAINT team_standup_days CHECK (standup_days <@ '{1,2,3,4,5,6,7}' AND cardinality(standup_days) BETWEEN 1 AND 7),
    -- minutes of the day, in the team's time zone
    standup_at  smallint NOT NULL DEFAULT 600 CONSTRAINT team_standup_at CHECK (standup_at BETWEEN 0 AND 1439),
    mission     text NOT NULL DEFAULT '' CONSTRAINT team_mission_length CHECK (length(mission) <= 2000),
    chat        text NOT NULL DEFAULT '' CONSTRAINT team_chat_length CHECK (length(chat) <= 200),
    roadmap     text NOT NULL DEFAULT '' CONSTRAINT team_roadmap_length CHECK (length(roadmap) <= 50000),
    -- open: everyone who is signed in can read it; private: only its members
    private     boolean NOT NULL DEFAULT false,
    -- whether its check-in has a public address
    public      boolean NOT NULL DEFAULT false,
    CONSTRAINT team_public_is_open CHECK (NOT (public AND private))
);

CREATE TABLE former_keys (
    key     text PRIMARY KEY,
    team_id uuid NOT NULL REFERENCES teams ON DELETE CASCADE
);
CREATE INDEX former_key_of ON former_keys (team_id);

-- Former team names: the "needed by" of a task names teams as they were called when it was written.
CREATE TABLE former_names (
    team_id uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    name    text NOT NULL,
    PRIMARY KEY (team_id, name)
);
CREATE INDEX former_name_of_team ON former_names (fold(name));

CREATE TABLE members (
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    role       text NOT NULL DEFAULT 'member' CONSTRAINT member_role CHECK (role IN ('lead', 'member')),
    since      timestamptz NOT NULL,
    title      text NOT NULL DEFAULT '' CONSTRAINT member_title_length CHECK (length(title) <= 100),
    PRIMARY KEY (team_id, account_id)
);
CREATE INDEX member_account ON members (account_id);

-- Past memberships with their dates. Current ones are in members.
CREATE TABLE past_members (
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id         uuid NOT NULL,
    account_id uuid REFERENCES accounts ON DELETE SET NULL,
    role       text NOT NULL CONSTRAINT past_member_role CHECK (role IN ('lead', 'member')),
    since      timestamptz NOT NULL,
    until      timestamptz NOT NULL,
    PRIMARY KEY (team_id, id),
    CONSTRAINT past_member_order CHECK (since <= until)
);

CREATE TABLE days_off (
    team_id uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    day     date NOT NULL,
    name    text NOT NULL DEFAULT '' CONSTRAINT day_off_name_length CHECK (length(name) <= 100),
    PRIMARY KEY (team_id, day)
);

-- Absences, which planning takes into account.
CREATE TABLE absences (
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    from_day   date NOT NULL,
    to_day     date NOT NULL,
    PRIMARY KEY (account_id, from_day),
    CONSTRAINT absence_order CHECK (to_day >= from_day),
    CONSTRAINT absence_length CHECK (to_day - from_day <= 365)
);

-- Invitations for people without an account. Only the SHA-256 of the secret is stored.
CREATE TABLE invitations (
    id         uuid PRIMARY KEY,
    token_hash bytea NOT NULL CONSTRAINT invitation_once UNIQUE,
    role       text NOT NULL DEFAULT 'member' CONSTRAINT invitation_role CHECK (role IN ('member', 'viewer')),
    team_id    uuid REFERENCES teams ON DELETE CASCADE,
    -- for one person, or for everyone who has the link
    single_use boolean NOT NULL,
    created_by uuid REFERENCES accounts ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used       integer NOT NULL DEFAULT 0 CONSTRAINT invitation_used CHECK (used >= 0 AND (NOT single_use OR used <= 1)),
    revoked_at timestamptz
);

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
    number    integer NOT NULL CONSTRAINT sprint_number_range CHECK (number BETWEEN 1 AND 99999),
    name      text NOT NULL CONSTRAINT sprint_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 100),
    starts_on date NOT NULL,
    ends_on   date NOT NULL,
    state     text NOT NULL CONSTRAINT sprint_state CHECK (state IN ('planned', 'active', 'ended', 'closed')),
    CONSTRAINT sprint_order CHECK (ends_on >= starts_on),
    CONSTRAINT sprint_number UNIQUE (number) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT sprint_overlap EXCLUDE USING gist (daterange(starts_on, ends_on, '[]') WITH &&) DEFERRABLE INITIALLY IMMEDIATE
);
CREATE UNIQUE INDEX sprint_one_active ON sprints (state) WHERE state = 'active';

-- A team's objectives for a quarter, and the key results that measure them.
CREATE TABLE objectives (
    team_id  uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id       uuid NOT NULL,
    quarter  text NOT NULL CONSTRAINT objective_quarter CHECK (quarter ~ '^[0-9]{4}-Q[1-4]$'),
    position integer NOT NULL CONSTRAINT objective_position_range CHECK (position BETWEEN 1 AND 99),
    title    text NOT NULL CONSTRAINT objective_title_length CHECK (length(btrim(title)) BETWEEN 1 AND 200),
    why      text NOT NULL DEFAULT '' CONSTRAINT objective_why_length CHECK (length(why) <= 2000),
    PRIMARY KEY (team_id, id),
    CONSTRAINT objective_position UNIQUE (team_id, quarter, position) DEFERRABLE INITIALLY IMMEDIATE
);

CREATE TABLE key_results (
    team_id      uuid NOT NULL,
    id           uuid NOT NULL,
    objective_id uuid NOT NULL,
    position     integer NOT NULL CONSTRAINT key_result_position_range CHECK (position BETWEEN 1 AND 99),
    title        text NOT NULL CONSTRAINT key_result_title_length CHECK (length(btrim(title)) BETWEEN 1 AND 200),
    measure      text NOT NULL CONSTRAINT key_result_measure CHECK (measure IN ('count', 'share', 'yes-no')),
    unit         text NOT NULL DEFAULT '' CONSTRAINT key_result_unit_length CHECK (length(unit) <= 50),
    target       bigint NOT NULL CONSTRAINT key_result_target CHECK (target BETWEEN 1 AND 1000000000),
    -- progress entered manually; null: added up from what contributes to it
    manual_value bigint CONSTRAINT key_result_manual_value CHECK (manual_value BETWEEN 0 AND 1000000000),
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, objective_id) REFERENCES objectives ON DELETE CASCADE,
    CONSTRAINT key_result_position UNIQUE (team_id, objective_id, position) DEFERRABLE INITIALLY IMMEDIATE
);

-- Projects, which span sprints. One team leads a project; goals and tasks of every team can contribute to it.
CREATE TABLE projects (
    team_id            uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id                 uuid NOT NULL,
    slug               text NOT NULL CONSTRAINT project_slug UNIQUE CONSTRAINT project_slug_form CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$'),
    name               text NOT NULL CONSTRAINT project_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 200),
    about              text NOT NULL DEFAULT '' CONSTRAINT project_about_length CHECK (length(about) <= 20000),
    measure            text NOT NULL CONSTRAINT project_measure CHECK (measure IN ('count', 'share', 'yes-no')),
    unit               text NOT NULL DEFAULT '' CONSTRAINT project_unit_length CHECK (length(unit) <= 50),
    target             bigint NOT NULL CONSTRAINT project_target CHECK (target BETWEEN 1 AND 1000000000),
    -- progress entered manually; null: added up from its goals
    manual_value       bigint CONSTRAINT project_manual_value CHECK (manual_value BETWEEN 0 AND 1000000000),
    hue                smallint NOT NULL CONSTRAINT project_hue CHECK (hue BETWEEN 0 AND 11),
    key_result_team_id uuid,
    key_result_id      uuid,
    created_at         timestamptz NOT NULL,
    finished_at        timestamptz,
    PRIMARY KEY (team_id, id),
    CONSTRAINT project_key_result FOREIGN KEY (key_result_team_id, key_result_id) REFERENCES key_results ON DELETE SET NULL,
    CONSTRAINT project_key_result_whole CHECK ((key_result_id IS NULL) = (key_result_team_id IS NULL))
);

CREATE TABLE milestones (
    team_id    uuid NOT NULL,
    id         uuid NOT NULL,
    project_id uuid NOT NULL,
    position   integer NOT NULL CONSTRAINT milestone_position_range CHECK (position BETWEEN 1 AND 99),
    title      text NOT NULL CONSTRAINT milestone_title_length CHECK (length(btrim(title)) BETWEEN 1 AND 200),
    due_on     date,
    reached_at timestamptz,
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, project_id) REFERENCES projects ON DELETE CASCADE,
    CONSTRAINT milestone_position UNIQUE (team_id, project_id, position) DEFERRABLE INITIALLY IMMEDIATE
);

CREATE TABLE goals (
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id         uuid NOT NULL,
    sprint_id  uuid NOT NULL REFERENCES sprints,
    position   integer NOT NULL CONSTRAINT goal_position_range CHECK (position BETWEEN 1 AND 99),
    title      text NOT NULL CONSTRAINT goal_title_length CHECK (length(btrim(title)) BETWEEN 1 AND 200),
    measure    text NOT NULL CONSTRAINT goal_measure CHECK (measure IN ('count', 'share', 'yes-no')),
    unit       text NOT NULL DEFAULT '' CONSTRAINT goal_unit_length CHECK (length(unit) <= 50),
    target     bigint NOT NULL CONSTRAINT goal_target CHECK (target BETWEEN 1 AND 1000000000),
    -- progress entered manually; null: counted from its tasks
    manual_value bigint CONSTRAINT goal_manual_value CHECK (manual_value BETWEEN 0 AND 1000000000),
    hue        smallint NOT NULL CONSTRAINT goal_hue CHECK (hue BETWEEN 0 AND 11),
    -- where its progress comes from: done tasks, the sum of their estimates, or a value entered manually
    counted_by text NOT NULL DEFAULT 'tasks' CONSTRAINT goal_counted_by CHECK (counted_by IN ('tasks', 'estimates', 'manual')),
    why        text NOT NULL DEFAULT '' CONSTRAINT goal_why_length CHECK (length(why) <= 2000),
    -- what it needs from other teams, in words
    needs      text NOT NULL DEFAULT '' CONSTRAINT goal_needs_length CHECK (length(needs) <= 500),
    version    bigint NOT NULL DEFAULT 1,
    project_team_id uuid,
    project_id uuid,
    milestone_id uuid,
    key_result_id uuid,
    PRIMARY KEY (team_id, id),
    CONSTRAINT goal_position UNIQUE (team_id, sprint_id, position) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT goal_project FOREIGN KEY (project_team_id, project_id) REFERENCES projects ON DELETE SET NULL,
    CONSTRAINT goal_project_whole CHECK ((project_id IS NULL) = (project_team_id IS NULL)),
    CONSTRAINT goal_milestone FOREIGN KEY (project_team_id, milestone_id) REFERENCES milestones ON DELETE SET NULL (milestone_id),
    CONSTRAINT goal_key_result FOREIGN KEY (team_id, key_result_id) REFERENCES key_results ON DELETE SET NULL (key_result_id)
);
CREATE INDEX goal_sprint ON goals (sprint_id);
CREATE INDEX goal_of_project ON goals (project_team_id, project_id) WHERE project_id IS NOT NULL;

CREATE TABLE goal_owners (
    team_id    uuid NOT NULL,
    goal_id    uuid NOT NULL,
    account_id uuid NOT NULL REFERENCES accounts,
    PRIMARY KEY (team_id, goal_id, account_id),
    FOREIGN KEY (team_id, goal_id) REFERENCES goals ON DELETE CASCADE
);

-- Every value that was entered manually, with its note, for the chart.
CREATE TABLE goal_entries (
    team_id uuid NOT NULL,
    id      uuid NOT NULL,
    goal_id uuid NOT NULL,
    value   bigint NOT NULL CONSTRAINT goal_entry_value CHECK (value BETWEEN 0 AND 1000000000),
    note    text NOT NULL DEFAULT '' CONSTRAINT goal_entry_note_length CHECK (length(note) <= 500),
    by_id   uuid REFERENCES accounts ON DELETE SET NULL,
    at      timestamptz NOT NULL,
    measure text NOT NULL CONSTRAINT goal_entry_measure CHECK (measure IN ('count', 'share', 'yes-no')),
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, goal_id) REFERENCES goals ON DELETE CASCADE
);
CREATE INDEX goal_entry_goal ON goal_entries (team_id, goal_id, at);

-- Comments on goals. A concern stays open until the goal's team answers it.
CREATE TABLE goal_comments (
    team_id     uuid NOT NULL,
    id          uuid NOT NULL,
    goal_id     uuid NOT NULL,
    kind        text NOT NULL CONSTRAINT goal_comment_kind CHECK (kind IN ('comment', 'concern')),
    author_id   uuid REFERENCES accounts ON DELETE SET NULL,
    body        text NOT NULL CONSTRAINT goal_comment_body_length CHECK (length(body) <= 5000 AND body ~ '\S'),
    created_at  timestamptz NOT NULL,
    answer      text CONSTRAINT goal_comment_answer_length CHECK (length(answer) <= 5000 AND answer ~ '\S'),
    answered_by uuid REFERENCES accounts ON DELETE SET NULL,
    answered_at timestamptz,
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, goal_id) REFERENCES goals ON DELETE CASCADE,
    CONSTRAINT goal_comment_answer_whole CHECK ((answer IS NULL) = (answered_at IS NULL))
);
CREATE INDEX goal_comment_goal ON goal_comments (team_id, goal_id, created_at);

CREATE TABLE labels (
    team_id uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id      uuid NOT NULL,
    name    text NOT NULL CONSTRAINT label_name_form CHECK (length(name) BETWEEN 1 AND 50 AND name !~ '[\s",]'),
    hue     smallint NOT NULL CONSTRAINT label_hue CHECK (hue BETWEEN 0 AND 11),
    PRIMARY KEY (team_id, id)
);
CREATE UNIQUE INDEX label_name ON labels (team_id, fold(name));

CREATE TABLE tasks (
    team_id       uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id            uuid NOT NULL,
    number        bigint NOT NULL CONSTRAINT task_number_range CHECK (number >= 1),
    column_id     uuid NOT NULL,
    -- the sort key in the column; null once the task is archived
    rank          text COLLATE "C" CONSTRAINT task_rank_form CHECK (rank ~ '^[0-9A-Za-z]{1,64}$' AND rank !~ '0$'),
    title         text NOT NULL CONSTRAINT task_title_length CHECK (length(title) <= 500 AND title ~ '\S'),
    description   text NOT NULL DEFAULT '' CONSTRAINT task_description_length CHECK (length(description) <= 100000),
    searched      text NOT NULL GENERATED ALWAYS AS (fold(title || ' ' || description)) STORED,
    sprint_id     uuid REFERENCES sprints,
    goal_id       uuid,
    estimate      integer CONSTRAINT task_estimate CHECK (estimate BETWEEN 0 AND 1000),
    due_on        date,
    -- the teams or people who need it, in words
    needed_by     text NOT NULL DEFAULT '' CONSTRAINT task_needed_by_length CHECK (length(needed_by) <= 200),
    -- incremented by every change; moved_version is that of the last move
    version       bigint NOT NULL DEFAULT 1,
    moved_version bigint NOT NULL DEFAULT 1,
    created_by    uuid REFERENCES accounts ON DELETE SET NULL,
    created_at    timestamptz NOT NULL,
    column_since  timestamptz NOT NULL,
    archived_at   timestamptz,
    -- the source of an imported task, so that importing again creates no duplicates
    imported_from text CONSTRAINT task_imported_from_length CHECK (length(imported_from) <= 500),
    project_team_id uuid,
    project_id    uuid,
    PRIMARY KEY (team_id, id),
    CONSTRAINT task_number UNIQUE (team_id, number),
    CONSTRAINT task_imported_once UNIQUE (team_id, imported_from),
    CONSTRAINT task_place CHECK ((archived_at IS NULL) = (rank IS NOT NULL)),
    CONSTRAINT task_column FOREIGN KEY (team_id, column_id) REFERENCES columns,
    CONSTRAINT task_goal FOREIGN KEY (team_id, goal_id) REFERENCES goals,
    -- An exclusion constraint: with a unique index, every new rank would be a new key of the task, and lock it
    -- against comments and blockers that refer to it.
    CONSTRAINT task_rank EXCLUDE USING btree (column_id WITH =, rank WITH =) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT task_project FOREIGN KEY (project_team_id, project_id) REFERENCES projects ON DELETE SET NULL,
    CONSTRAINT task_project_whole CHECK ((project_id IS NULL) = (project_team_id IS NULL))
);
CREATE INDEX task_board ON tasks (team_id, sprint_id) WHERE archived_at IS NULL;
CREATE INDEX task_goal_of ON tasks (team_id, goal_id) WHERE goal_id IS NOT NULL;
CREATE INDEX task_archived ON tasks (team_id, archived_at DESC) WHERE archived_at IS NOT NULL;
CREATE INDEX task_of_project ON tasks (project_team_id, project_id) WHERE project_id IS NOT NULL;

-- For a sprint's numbers, which count archived tasks too.
CREATE INDEX task_archived_of ON tasks (team_id, sprint_id) WHERE archived_at IS NOT NULL;

-- What the search finds tasks by. A table of its own, so that moving a task does not write to these indexes.
CREATE TABLE task_texts (
    team_id     uuid NOT NULL,
    task_id     uuid NOT NULL,
    title       text NOT NULL,  -- folded
    title_words tsvector NOT NULL,
    words       tsvector NOT NULL,  -- of title and description
    PRIMARY KEY (team_id, task_id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX task_text_newest ON task_texts (task_id);
CREATE INDEX task_text_title ON task_texts USING gin (title gin_trgm_ops);
CREATE INDEX task_text_words ON task_texts USING gin (words);

-- All rows of a statement at once: for imports that takes a third of the time.
CREATE FUNCTION add_task_texts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO task_texts (team_id, task_id, title, title_words, words)
    SELECT team_id, id, fold(title), search_words(title), search_words(title || ' ' || description) FROM added;
    RETURN NULL;
END $$;
CREATE TRIGGER task_text_added AFTER INSERT ON tasks
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION add_task_texts();

CREATE FUNCTION set_task_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE task_texts
    SET title = fold(NEW.title), title_words = search_words(NEW.title), words = search_words(NEW.title || ' ' || NEW.description)
    WHERE team_id = NEW.team_id AND task_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER task_text_changed AFTER UPDATE OF title, description ON tasks
    FOR EACH ROW EXECUTE FUNCTION set_task_text();

CREATE TABLE task_owners (
    team_id    uuid NOT NULL,
    task_id    uuid NOT NULL,
    account_id uuid NOT NULL REFERENCES accounts,
    position   integer NOT NULL,
    -- whether the task is archived, so that a person's other tasks are found without those of all years; set by triggers
    is_archived boolean NOT NULL DEFAULT false,
    PRIMARY KEY (team_id, task_id, account_id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX task_owner_account ON task_owners (account_id);
CREATE INDEX task_owner_unarchived ON task_owners (account_id) WHERE NOT is_archived;

CREATE FUNCTION set_owner_is_archived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.is_archived := (SELECT archived_at IS NOT NULL FROM tasks WHERE team_id = NEW.team_id AND id = NEW.task_id);
    RETURN NEW;
END $$;
CREATE TRIGGER owner_is_archived BEFORE INSERT ON task_owners
    FOR EACH ROW EXECUTE FUNCTION set_owner_is_archived();

CREATE FUNCTION set_owners_are_archived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE task_owners SET is_archived = NEW.archived_at IS NOT NULL WHERE team_id = NEW.team_id AND task_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER owners_are_archived AFTER UPDATE OF archived_at ON tasks
    FOR EACH ROW WHEN ((OLD.archived_at IS NULL) <> (NEW.archived_at IS NULL)) EXECUTE FUNCTION set_owners_are_archived();

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
    words    tsvector NOT NULL GENERATED ALWAYS AS (search_words(text)) STORED,
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX step_task ON steps (team_id, task_id, position);
CREATE INDEX step_newest ON steps (id);
CREATE INDEX step_words ON steps USING gin (words);

CREATE TABLE comments (
    team_id    uuid NOT NULL,
    id         uuid NOT NULL,
    task_id    uuid NOT NULL,
    author_id  uuid REFERENCES accounts ON DELETE SET NULL,
    -- the author in the imported tool, if they have no account here
    author     text NOT NULL DEFAULT '' CONSTRAINT comment_author_length CHECK (length(author) <= 100),
    body       text NOT NULL CONSTRAINT comment_body_length CHECK (length(body) <= 20000 AND body ~ '\S'),
    created_at timestamptz NOT NULL,
    edited_at  timestamptz,
    -- kept for an hour, so that deleting can be undone
    deleted_at timestamptz,
    words      tsvector NOT NULL GENERATED ALWAYS AS (search_words(body)) STORED,
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX comment_task ON comments (team_id, task_id, created_at);
CREATE INDEX comment_newest ON comments (id);
CREATE INDEX comment_words ON comments USING gin (words);
CREATE INDEX comment_deleted ON comments (deleted_at) WHERE deleted_at IS NOT NULL;

-- Why a task is blocked: one row per reason and period. A current blocker has no end.
CREATE TABLE blockers (
    team_id       uuid NOT NULL,
    id            uuid NOT NULL,
    task_id       uuid NOT NULL,
    kind          text NOT NULL CONSTRAINT blocker_kind CHECK (kind IN ('task', 'team', 'person', 'text')),
    on_task_team  uuid,
    on_task_id    uuid,
    on_team_id    uuid REFERENCES teams ON DELETE CASCADE,
    on_account_id uuid REFERENCES accounts ON DELETE CASCADE,
    note          text NOT NULL DEFAULT '' CONSTRAINT blocker_note_length CHECK (length(note) <= 500),
    since         timestamptz NOT NULL,
    ended_at      timestamptz,
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE,
    CONSTRAINT blocker_on_task FOREIGN KEY (on_task_team, on_task_id) REFERENCES tasks ON DELETE CASCADE,
    CONSTRAINT blocker_names_one CHECK (
        (kind = 'task') = (on_task_id IS NOT NULL AND on_task_team IS NOT NULL)
        AND (kind = 'team') = (on_team_id IS NOT NULL)
        AND (kind = 'person') = (on_account_id IS NOT NULL)
        AND (kind <> 'text' OR note ~ '\S')),
    CONSTRAINT blocker_not_on_itself CHECK (on_task_id IS DISTINCT FROM task_id),
    CONSTRAINT blocker_ends_after CHECK (ended_at >= since)
);
CREATE INDEX blocker_task ON blockers (team_id, task_id) WHERE ended_at IS NULL;
CREATE INDEX blocker_on ON blockers (on_task_team, on_task_id) WHERE ended_at IS NULL;

-- Tasks waiting on a person or a team, and for how long.
CREATE INDEX blocker_on_person ON blockers (on_account_id) WHERE ended_at IS NULL AND on_account_id IS NOT NULL;
CREATE INDEX blocker_on_team ON blockers (on_team_id) WHERE ended_at IS NULL AND on_team_id IS NOT NULL;
CREATE INDEX blocker_spell ON blockers (team_id, since);
CREATE INDEX blocker_was_on ON blockers (on_task_team, on_task_id, ended_at) WHERE ended_at IS NOT NULL;

-- Blockers by period, so that reports do not read those of other periods.
CREATE INDEX blocker_when ON blockers USING gist (tstzrange(since, ended_at, '[]'));

-- What people outside the team use: stakeholders, follows, requests and share links.
-- The people and teams here that a task's "needed by" names. Names that match none stay text.
CREATE TABLE task_stakeholders (
    team_id       uuid NOT NULL,
    task_id       uuid NOT NULL,
    by_team_id    uuid REFERENCES teams ON DELETE CASCADE,
    by_account_id uuid REFERENCES accounts ON DELETE CASCADE,
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE,
    CONSTRAINT stakeholder_names_one CHECK (num_nonnulls(by_team_id, by_account_id) = 1),
    CONSTRAINT stakeholder_once UNIQUE NULLS NOT DISTINCT (team_id, task_id, by_team_id, by_account_id)
);
CREATE INDEX stakeholder_team ON task_stakeholders (by_team_id) WHERE by_team_id IS NOT NULL;
CREATE INDEX stakeholder_account ON task_stakeholders (by_account_id) WHERE by_account_id IS NOT NULL;

-- Every change, numbered without gaps in its team. Events of one change share its change_id.
CREATE TABLE events (
    team_id   uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    seq       bigint NOT NULL,
    change_id uuid NOT NULL,
    task_id   uuid,
    actor_id  uuid REFERENCES accounts ON DELETE SET NULL,
    kind      text NOT NULL CONSTRAINT event_kind_form CHECK (kind ~ '^[a-z-]+\.[a-z-]+$'),
    -- the changed fields before and after
    before    jsonb NOT NULL DEFAULT '{}',
    after     jsonb NOT NULL DEFAULT '{}',
    -- the task's version after the change
    version   bigint,
    at        timestamptz NOT NULL,
    -- the event of the same team that this one reverses
    undoes    bigint,
    -- it was reversed, or reverses another: reports leave both out
    is_undone boolean NOT NULL DEFAULT false,
    -- how it affected the task's state, such as "moved doing" or "archived -"; null if it did not. `set_transition`
    -- fills it in. Reports over many sprints read tens of thousands of these from an index alone.
    transition text,
    PRIMARY KEY (team_id, seq),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX event_task ON events (team_id, task_id, seq);
CREATE INDEX event_change ON events (change_id);
-- Imports: their other events are not news.
CREATE INDEX event_import ON events (team_id) INCLUDE (change_id) WHERE kind = 'board.imported';
CREATE INDEX event_joins_sprint ON events (team_id, (after->>'sprint')) WHERE after->>'sprint' IS NOT NULL;
CREATE INDEX event_leaves_sprint ON events (team_id, (before->>'sprint')) WHERE before->>'sprint' IS NOT NULL;
CREATE INDEX event_transition ON events (team_id, at, seq) INCLUDE (task_id, transition) WHERE transition IS NOT NULL;
CREATE INDEX event_transition_of_task ON events (team_id, task_id, at, seq) INCLUDE (transition) WHERE transition IS NOT NULL;

-- Whether something lasted so briefly that it is taken for a slip of the hand: a task that was dropped in the wrong
-- column, or blocked for a moment. Reports leave it out.
CREATE FUNCTION is_momentary(since timestamptz, until timestamptz) RETURNS boolean IMMUTABLE PARALLEL SAFE
    RETURN until >= since AND until < since + interval '5 minutes';

-- The transition of an event by itself, whatever came before it.
CREATE FUNCTION plain_transition(kind text, before jsonb, after jsonb) RETURNS text IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN kind IN ('task.created', 'task.imported', 'task.archived', 'task.restored')
                     OR kind = 'task.moved' AND before->>'state' IS DISTINCT FROM after->>'state'
                THEN substr(kind, 6) || ' ' || coalesce(after->>'state', '-')
                     || CASE WHEN after->>'archived' = 'true' THEN ' archived' ELSE '' END
           END;

-- Sets an event's transition, so that what was undone or momentary counts nowhere: the two events of an undo lose their
-- transitions, and so does the way into a state that was left within minutes, with nothing else done to the task. (A
-- task that was created there counts as created in todo.) A redo gives the first event its transition back. Every report
-- reads the result. A writer of large histories may set transitions itself.
CREATE FUNCTION set_transition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    undone events;   -- the event that is undone
    last events;     -- the task's last transition
    state text := split_part(plain_transition(NEW.kind, NEW.before, NEW.after), ' ', 2);
BEGIN
    NEW.transition := plain_transition(NEW.kind, NEW.before, NEW.after);
    IF NEW.undoes IS NOT NULL THEN
        NEW.is_undone := true;
        SELECT * INTO undone FROM events WHERE team_id = NEW.team_id AND seq = NEW.undoes;
        IF undone.undoes IS NULL THEN
            UPDATE events SET is_undone = true, transition = NULL WHERE team_id = NEW.team_id AND seq = undone.seq;
        ELSE
            UPDATE events SET is_undone = false, transition = plain_transition(kind, before, after)
            WHERE team_id = NEW.team_id AND seq = undone.undoes;
        END IF;
    END IF;
    IF NEW.kind NOT IN ('task.moved', 'task.archived', 'task.restored') OR NEW.transition IS NULL THEN
        RETURN NEW;
    END IF;

    SELECT * INTO last FROM events
    WHERE team_id = NEW.team_id AND task_id = NEW.task_id AND transition IS NOT NULL ORDER BY at DESC, seq DESC LIMIT 1;
    IF NEW.kind = 'task.moved' AND split_part(last.transition, ' ', 1) IN ('created', 'moved') AND is_momentary(last.at, NEW.at)
       AND NOT EXISTS (SELECT FROM events WHERE team_id = NEW.team_id AND task_id = NEW.task_id AND seq > last.seq
                       AND change_id NOT IN (last.change_id, NEW.change_id)
                       AND kind NOT IN ('task.moved', 'task.blocked', 'task.unblocked')) THEN
        UPDATE events SET transition = CASE kind WHEN 'task.created' THEN 'created todo' END
        WHERE team_id = NEW.team_id AND seq = last.seq;
        SELECT * INTO last FROM events
        WHERE team_id = NEW.team_id AND task_id = NEW.task_id AND transition IS NOT NULL ORDER BY at DESC, seq DESC LIMIT 1;
    END IF;
    IF last.seq IS NULL AND NEW.kind <> 'task.moved' THEN
        -- the creation was undone: archiving is nothing more, and restoring creates the task
        NEW.transition := CASE NEW.kind WHEN 'task.restored' THEN 'created ' || state END;
    ELSIF split_part(last.transition, ' ', 2) = state THEN
        NEW.transition := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER event_transition BEFORE INSERT ON events
    FOR EACH ROW WHEN (NEW.transition IS NULL) EXECUTE FUNCTION set_transition();
-- The names of deleted columns, which the history of tasks mentions.
CREATE INDEX event_column_removed ON events (team_id) WHERE kind = 'column.removed';

-- For how long tasks stay in a column, also when the next column has the same state. Moves within a column are frequent
-- and are not included.
CREATE INDEX event_stay ON events (team_id, at) WHERE kind = 'task.moved' AND transition IS NULL AND before ? 'column_since';

-- Events of goals, sprints and projects, and tasks that were linked to or unlinked from a goal or project. Followers read
-- them from their last visit on. Moves are found by task.
CREATE INDEX event_of_goals_and_projects ON events (team_id, seq)
    WHERE task_id IS NULL OR kind = 'task.edited' AND after ?| ARRAY['goal', 'project'];

CREATE TABLE saved_filters (
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id         uuid NOT NULL,
    -- the owner; null: shared by the whole team
    account_id uuid REFERENCES accounts ON DELETE CASCADE,
    name       text NOT NULL CONSTRAINT saved_filter_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 60),
    query      text NOT NULL CONSTRAINT saved_filter_query_length CHECK (length(query) <= 1000),
    PRIMARY KEY (team_id, id)
);
CREATE UNIQUE INDEX saved_filter_name ON saved_filters (team_id, account_id, fold(name)) NULLS NOT DISTINCT;

-- Idempotency keys of API writes, stored in the transaction of the write.
CREATE TABLE idempotency_keys (
    account_id  uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    key         text NOT NULL CONSTRAINT idempotency_key_length CHECK (length(key) BETWEEN 1 AND 200),
    fingerprint bytea NOT NULL,
    change_id   uuid NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, key)
);

-- A team's report of a closed sprint. Its figures are frozen: later changes do not affect them.
CREATE TABLE sprint_reports (
    team_id   uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    sprint_id uuid NOT NULL REFERENCES sprints,
    closed_by uuid REFERENCES accounts ON DELETE SET NULL,
    closed_at timestamptz NOT NULL,
    change_id uuid NOT NULL,
    figures   jsonb NOT NULL,
    PRIMARY KEY (team_id, sprint_id)
);

-- What became of tasks that were not done when their sprint was closed.
CREATE TABLE unfinished_tasks (
    team_id      uuid NOT NULL,
    sprint_id    uuid NOT NULL,
    task_id      uuid NOT NULL,
    outcome      text NOT NULL CONSTRAINT unfinished_task_outcome CHECK (outcome IN ('carried', 'backlog', 'dropped')),
    to_sprint_id uuid REFERENCES sprints,
    reason       text NOT NULL DEFAULT '' CONSTRAINT unfinished_task_reason_length CHECK (length(reason) <= 500),
    PRIMARY KEY (team_id, sprint_id, task_id),
    FOREIGN KEY (team_id, sprint_id) REFERENCES sprint_reports ON DELETE CASCADE,
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE,
    CONSTRAINT unfinished_task_carried_where CHECK ((outcome = 'carried') = (to_sprint_id IS NOT NULL))
);
CREATE INDEX unfinished_task_carried ON unfinished_tasks (team_id, task_id) WHERE outcome = 'carried';

-- Actions agreed in a meeting. They stay on the list until they are done or dismissed.
CREATE TABLE actions (
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id         uuid NOT NULL,
    text       text NOT NULL CONSTRAINT action_text_length CHECK (length(text) <= 500 AND text ~ '\S'),
    owner_id   uuid REFERENCES accounts ON DELETE SET NULL,
    due_on     date,
    meeting    text NOT NULL CONSTRAINT action_meeting CHECK (meeting IN ('standup', 'retro')),
    -- the sprint of the retro
    sprint_id  uuid REFERENCES sprints,
    created_by uuid REFERENCES accounts ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    done_at    timestamptz,
    dropped_at timestamptz,
    -- the task that was created from it
    task_id    uuid,
    PRIMARY KEY (team_id, id),
    CONSTRAINT action_task FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE SET NULL (task_id),
    CONSTRAINT action_retro_of CHECK ((meeting = 'retro') = (sprint_id IS NOT NULL)),
    CONSTRAINT action_ends_once CHECK (done_at IS NULL OR dropped_at IS NULL)
);
CREATE INDEX action_open ON actions (team_id, created_at) WHERE done_at IS NULL AND dropped_at IS NULL;
CREATE INDEX action_owner ON actions (owner_id) WHERE done_at IS NULL AND dropped_at IS NULL;
CREATE INDEX action_retro ON actions (team_id, sprint_id) WHERE sprint_id IS NOT NULL;

-- Topics for the next meeting of a kind. Open ones carry over to the one after it.
CREATE TABLE topics (
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id         uuid NOT NULL,
    meeting    text NOT NULL CONSTRAINT topic_meeting CHECK (meeting IN ('standup', 'planning', 'retro')),
    text       text NOT NULL CONSTRAINT topic_text_length CHECK (length(text) <= 500 AND text ~ '\S'),
    task_team  uuid,
    task_id    uuid,
    -- the person whose opinion is wanted
    asked_id   uuid REFERENCES accounts ON DELETE SET NULL,
    created_by uuid REFERENCES accounts ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    done_at    timestamptz,
    PRIMARY KEY (team_id, id),
    CONSTRAINT topic_task FOREIGN KEY (task_team, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX topic_open ON topics (team_id, meeting, created_at) WHERE done_at IS NULL;
CREATE INDEX topic_task_of ON topics (task_team, task_id) WHERE task_id IS NOT NULL;

-- Retro notes.
CREATE TABLE retro_notes (
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id         uuid NOT NULL,
    sprint_id  uuid NOT NULL REFERENCES sprints,
    category       text NOT NULL CONSTRAINT retro_note_category CHECK (category IN ('thanks', 'well', 'not', 'idea')),
    text       text NOT NULL CONSTRAINT retro_note_text_length CHECK (length(text) <= 2000 AND text ~ '\S'),
    author_id  uuid REFERENCES accounts ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    edited_at  timestamptz,
    PRIMARY KEY (team_id, id)
);
CREATE INDEX retro_note_sprint ON retro_notes (team_id, sprint_id, created_at);

-- Requests of people on other teams: accepted as a task, answered, or declined with a reason.
CREATE TABLE requests (
    team_id     uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id          uuid NOT NULL,
    title       text NOT NULL CONSTRAINT request_title_length CHECK (length(title) <= 500 AND title ~ '\S'),
    why         text NOT NULL DEFAULT '' CONSTRAINT request_why_length CHECK (length(why) <= 5000),
    by_on       date,
    asker_id    uuid REFERENCES accounts ON DELETE SET NULL,
    -- the requester's own team, which then needs the task
    for_team_id uuid REFERENCES teams ON DELETE SET NULL,
    created_at  timestamptz NOT NULL,
    outcome     text CONSTRAINT request_outcome CHECK (outcome IN ('taken', 'answered', 'declined', 'withdrawn')),
    answer      text NOT NULL DEFAULT '' CONSTRAINT request_answer_length CHECK (length(answer) <= 5000),
    settled_by  uuid REFERENCES accounts ON DELETE SET NULL,
    settled_at  timestamptz,
    task_id     uuid,
    PRIMARY KEY (team_id, id),
    CONSTRAINT request_task FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE SET NULL (task_id),
    CONSTRAINT request_settled_whole CHECK ((outcome IS NULL) = (settled_at IS NULL)),
    CONSTRAINT request_says_why CHECK (outcome IS NULL OR outcome IN ('taken', 'withdrawn') OR answer ~ '\S')
);
CREATE INDEX request_open ON requests (team_id, created_at) WHERE outcome IS NULL;
CREATE INDEX request_asker ON requests (asker_id, created_at);

-- Visits to a team's check-in, and the one before: the page shows what changed since then.
CREATE TABLE checkin_visits (
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    seq        bigint NOT NULL,
    at         timestamptz NOT NULL,
    before_seq bigint NOT NULL,
    before_at  timestamptz,
    PRIMARY KEY (account_id, team_id)
);

-- What people follow: a task, a goal, a project, or, with none of them, a whole team.
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

-- The newest event of each team up to which a person has read their updates.
CREATE TABLE feed_cursors (
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    seq        bigint NOT NULL,
    PRIMARY KEY (account_id, team_id)
);

-- Share links to a board or a check-in. Only the SHA-256 of the secret is stored.
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

-- The audit log: sign-ins, and changes of access.
CREATE TABLE audit_log (
    id       uuid PRIMARY KEY,
    at       timestamptz NOT NULL,
    actor_id uuid REFERENCES accounts ON DELETE SET NULL,
    kind     text NOT NULL CONSTRAINT audit_log_kind_form CHECK (kind ~ '^[a-z-]+\.[a-z-]+$'),
    about    text NOT NULL DEFAULT '' CONSTRAINT audit_log_about_length CHECK (length(about) <= 500),
    network  text NOT NULL DEFAULT '' CONSTRAINT audit_log_network_length CHECK (length(network) <= 100),
    -- the team that {team} in `about` stands for: its name depends on the reader
    team_id  uuid REFERENCES teams ON DELETE SET NULL
);
CREATE INDEX audit_log_newest ON audit_log (at DESC, id DESC);
