-- Connections to forges: tests of their address, GitHub Apps, and who has moved a task that was left alone.

-- A delivery that Fortnight has sent to itself to try the address.
ALTER TABLE forge_deliveries DROP CONSTRAINT forge_delivery_state;
ALTER TABLE forge_deliveries ADD CONSTRAINT forge_delivery_state
    CHECK (state IN ('waiting', 'done', 'failed', 'refused', 'test'));

-- The page of the GitHub App that sends the deliveries, if it was created from here. Empty: a webhook does.
ALTER TABLE forge_connections ADD COLUMN app_url text NOT NULL DEFAULT ''
    CONSTRAINT forge_connection_app_url_form CHECK (app_url = '' OR app_url ~ '^https?://' AND length(app_url) <= 500);

-- GitHub Apps that an administrator has been sent to GitHub to create. GitHub sends the browser back with the state.
CREATE TABLE github_app_requests (
    -- the SHA-256
    state_hash    bytea PRIMARY KEY,
    account_id    uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    -- of the connection that it becomes: part of the address that the App is given
    connection_id uuid NOT NULL,
    name          text NOT NULL CONSTRAINT github_app_request_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 60),
    -- the address of GitHub, such as https://github.com
    site          text NOT NULL CONSTRAINT github_app_request_site_length CHECK (length(site) <= 300),
    expires_at    timestamptz NOT NULL
);
CREATE INDEX github_app_request_account ON github_app_requests (account_id);

-- The person whose later move is the reason why a task was left alone, and when that was.
ALTER TABLE forge_delivery_tasks
    ADD COLUMN moved_by uuid REFERENCES accounts ON DELETE SET NULL,
    ADD COLUMN moved_at timestamptz;
CREATE INDEX forge_delivery_task_mover ON forge_delivery_tasks (moved_by) WHERE moved_by IS NOT NULL;

-- When a pull request last added an entry of a kind to a task's activity, for those whose authors anyone may be.
CREATE TABLE pull_request_entries (
    team_id         uuid NOT NULL,
    task_id         uuid NOT NULL,
    pull_request_id uuid NOT NULL REFERENCES pull_requests ON DELETE CASCADE,
    kind            text NOT NULL CONSTRAINT pull_request_entry_kind_length CHECK (length(kind) <= 30),
    at              timestamptz NOT NULL,
    PRIMARY KEY (team_id, task_id, pull_request_id, kind),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX pull_request_entry_of ON pull_request_entries (pull_request_id);
