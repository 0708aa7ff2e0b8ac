-- Project boards of GitHub (Projects v2) that are kept equal with a team's board or with one of its projects.

CREATE TABLE github_projects (
    id             uuid PRIMARY KEY,
    team_id        uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    -- only this project's tasks; null: all tasks of the team
    project_id     uuid,
    -- of the GraphQL API
    api_url        text NOT NULL CONSTRAINT github_project_api_url CHECK (api_url ~ '^https?://' AND length(api_url) <= 500),
    -- needed in the clear to ask GitHub; no page returns it
    token          text CONSTRAINT github_project_token_length CHECK (length(token) BETWEEN 1 AND 500),
    owner          text NOT NULL CONSTRAINT github_project_owner_form CHECK (owner ~ '^[A-Za-z0-9][A-Za-z0-9_-]*$' AND length(owner) <= 100),
    number         integer NOT NULL CONSTRAINT github_project_number CHECK (number >= 1),
    node_id        text NOT NULL CONSTRAINT github_project_node_length CHECK (length(node_id) BETWEEN 1 AND 200),
    title          text NOT NULL CONSTRAINT github_project_title_length CHECK (length(title) <= 500),
    url            text NOT NULL CONSTRAINT github_project_url CHECK (url ~ '^https?://' AND length(url) <= 1000),
    -- the connection through which pull requests come: its verified logins say who is who
    connection_id  uuid REFERENCES forge_connections ON DELETE SET NULL,
    -- the fields of GitHub's project by their ids; null: not kept equal
    status_field   text CONSTRAINT github_project_status_length CHECK (length(status_field) BETWEEN 1 AND 200),
    sprint_field   text CONSTRAINT github_project_sprint_length CHECK (length(sprint_field) BETWEEN 1 AND 200),
    estimate_field text CONSTRAINT github_project_estimate_length CHECK (length(estimate_field) BETWEEN 1 AND 200),
    due_field      text CONSTRAINT github_project_due_length CHECK (length(due_field) BETWEEN 1 AND 200),
    -- its fields and their options, as GitHub last listed them
    fields         jsonb NOT NULL,
    -- what the first comparison would do; null once it was confirmed
    preview        jsonb,
    state          text NOT NULL CONSTRAINT github_project_state CHECK (state IN ('preview', 'on', 'off')),
    created_at     timestamptz NOT NULL,
    -- the team's newest event that was looked at
    seq            bigint NOT NULL DEFAULT 0,
    -- when GitHub is asked next what changed
    poll_at        timestamptz,
    -- when all items are compared next
    compare_at     timestamptz,
    -- items that GitHub says have changed
    hinted         text[] NOT NULL DEFAULT '{}' CONSTRAINT github_project_hinted CHECK (cardinality(hinted) <= 200),
    -- nothing is asked before, because a request failed or many were sent
    wait_until     timestamptz,
    -- nothing is asked before, whatever people do, because GitHub said so
    limited_until  timestamptz,
    failures       integer NOT NULL DEFAULT 0,
    -- a program is busy with it until then; the exact time says which
    leased_until   timestamptz,
    -- the points that GitHub has counted, and what was written, since
    points         integer NOT NULL DEFAULT 0,
    writes         integer NOT NULL DEFAULT 0,
    points_since   timestamptz,
    synced_at      timestamptz,
    compared_at    timestamptz,
    equal_items    integer NOT NULL DEFAULT 0,
    different_items integer NOT NULL DEFAULT 0,
    hidden_items   integer NOT NULL DEFAULT 0,
    problem        text NOT NULL DEFAULT '' CONSTRAINT github_project_problem_length CHECK (length(problem) <= 500),
    FOREIGN KEY (team_id, project_id) REFERENCES projects ON DELETE CASCADE,
    CONSTRAINT github_project_has_token CHECK ((state = 'off') = (token IS NULL)),
    CONSTRAINT github_project_previewed CHECK ((state = 'preview') = (preview IS NOT NULL)),
    CONSTRAINT github_project_maps_status CHECK (state <> 'on' OR status_field IS NOT NULL)
);
-- Two that wrote to the same board would undo what the other did.
CREATE UNIQUE INDEX github_project_once ON github_projects (node_id) WHERE state = 'on';
CREATE INDEX github_project_team ON github_projects (team_id, project_id);
CREATE INDEX github_project_connection ON github_projects (connection_id) WHERE connection_id IS NOT NULL;

-- The column for each option of the status field.
CREATE TABLE github_project_columns (
    github_project_id uuid NOT NULL REFERENCES github_projects ON DELETE CASCADE,
    option_id         text NOT NULL CONSTRAINT github_project_option_length CHECK (length(option_id) BETWEEN 1 AND 200),
    -- in the order of the options
    position          integer NOT NULL,
    team_id           uuid NOT NULL,
    column_id         uuid NOT NULL,
    PRIMARY KEY (github_project_id, option_id),
    FOREIGN KEY (team_id, column_id) REFERENCES columns ON DELETE CASCADE
);
CREATE INDEX github_project_column_of ON github_project_columns (team_id, column_id);

-- The task of each item.
CREATE TABLE github_project_items (
    github_project_id uuid NOT NULL REFERENCES github_projects ON DELETE CASCADE,
    -- null: it is about to be created
    item_id           text CONSTRAINT github_project_item_length CHECK (length(item_id) BETWEEN 1 AND 200),
    team_id           uuid NOT NULL,
    task_id           uuid NOT NULL,
    -- of the issue or pull request; empty for a draft
    url               text NOT NULL DEFAULT '' CONSTRAINT github_project_item_url CHECK (url = '' OR url ~ '^https?://' AND length(url) <= 1000),
    -- what both sides had when they were equal last, and what was sent since without an answer
    common            jsonb,
    sent              jsonb,
    -- GitHub's times of its last change, of which all was taken over
    changed           text NOT NULL DEFAULT '' CONSTRAINT github_project_item_changed_length CHECK (length(changed) <= 100),
    -- it is no longer in the project, or cannot be seen any more: it is left alone
    is_gone           boolean NOT NULL DEFAULT false,
    -- the team's newest event when something was refused last
    refused_seq       bigint NOT NULL DEFAULT 0,
    -- why it cannot be kept equal
    problem           text NOT NULL DEFAULT '' CONSTRAINT github_project_item_problem_length CHECK (length(problem) <= 500),
    PRIMARY KEY (github_project_id, team_id, task_id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE UNIQUE INDEX github_project_item_once ON github_project_items (github_project_id, item_id) WHERE item_id IS NOT NULL;
CREATE INDEX github_project_item_pending ON github_project_items (github_project_id) WHERE sent IS NOT NULL OR item_id IS NULL;
CREATE INDEX github_project_item_problem ON github_project_items (github_project_id) WHERE problem <> '';
CREATE INDEX github_project_item_task ON github_project_items (team_id, task_id);
