-- Outgoing webhooks, after Standard Webhooks 1.0: events of a team, or of all teams, go to a URL.
CREATE TABLE webhooks (
    id            uuid PRIMARY KEY,
    -- null: of the workspace
    team_id       uuid REFERENCES teams ON DELETE CASCADE,
    -- it is sent what this person may see; null: the account was deleted
    maker_id      uuid REFERENCES accounts ON DELETE SET NULL,
    name          text NOT NULL CONSTRAINT webhook_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 60),
    -- may contain a secret of the receiver
    url           text NOT NULL CONSTRAINT webhook_url_length CHECK (length(url) BETWEEN 1 AND 2000),
    -- groups of event kinds; "all" includes those that come later
    groups        text[] NOT NULL CONSTRAINT webhook_groups CHECK (cardinality(groups) BETWEEN 1 AND 20),
    -- needed in the clear to sign; it is shown once, when it is made
    secret        text NOT NULL CONSTRAINT webhook_secret_length CHECK (length(secret) BETWEEN 20 AND 100),
    created_at    timestamptz NOT NULL,
    -- off: by Fortnight itself, for the reason
    state         text NOT NULL DEFAULT 'active' CONSTRAINT webhook_state CHECK (state IN ('active', 'paused', 'off')),
    state_since   timestamptz NOT NULL,
    reason        text NOT NULL DEFAULT '' CONSTRAINT webhook_reason_length CHECK (length(reason) <= 500),
    -- failed attempts since the last one that was accepted, and the time of the first of them
    failures      integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    -- when a message was taken last: the webhooks take turns
    served_at     timestamptz
);
CREATE INDEX webhook_team ON webhooks (team_id);
CREATE INDEX webhook_maker ON webhooks (maker_id);

-- Secrets that were replaced. Each signs for another day.
CREATE TABLE webhook_old_secrets (
    webhook_id uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    secret     text NOT NULL CONSTRAINT webhook_old_secret_length CHECK (length(secret) BETWEEN 20 AND 100),
    until      timestamptz NOT NULL,
    PRIMARY KEY (webhook_id, secret)
);

-- What is sent, and how that went. Deleted after a week.
CREATE TABLE webhook_messages (
    id          uuid PRIMARY KEY,
    webhook_id  uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    -- the team of its event; null: a test
    team_id     uuid REFERENCES teams ON DELETE CASCADE,
    kind        text NOT NULL CONSTRAINT webhook_message_kind CHECK (length(kind) <= 60),
    body        text NOT NULL CONSTRAINT webhook_message_body_length CHECK (length(body) <= 200000),
    created_at  timestamptz NOT NULL,
    state       text NOT NULL DEFAULT 'waiting' CONSTRAINT webhook_message_state CHECK (state IN ('waiting', 'delivered', 'failed')),
    -- when it is tried next
    send_at     timestamptz NOT NULL,
    attempts    integer NOT NULL DEFAULT 0,
    -- of the last attempt: its time, the answer's status and first kilobyte, and why it failed
    tried_at    timestamptz,
    status      integer,
    answer      text NOT NULL DEFAULT '' CONSTRAINT webhook_message_answer_length CHECK (length(answer) <= 1024),
    error       text NOT NULL DEFAULT '' CONSTRAINT webhook_message_error_length CHECK (length(error) <= 500)
);
CREATE INDEX webhook_message_waiting ON webhook_messages (webhook_id, send_at) WHERE state = 'waiting';
CREATE INDEX webhook_message_list ON webhook_messages (webhook_id, id);
CREATE INDEX webhook_message_team ON webhook_messages (team_id);
CREATE INDEX webhook_message_created ON webhook_messages (created_at);

-- Up to which event of a team messages were made. Only kept up while a webhook wants the team's events.
CREATE TABLE webhook_cursors (
    team_id uuid PRIMARY KEY REFERENCES teams ON DELETE CASCADE,
    seq     bigint NOT NULL
);

-- Each webhook that is switched off has a mail of its own.
DROP INDEX outbox_once;
CREATE UNIQUE INDEX outbox_once ON outbox (account_id, kind, thread_id, invitation_id) NULLS NOT DISTINCT
    WHERE failed_at IS NULL AND channel = 'mail'
        AND kind NOT IN ('new-device', 'address-changed', 'second-factor-reset', 'webhook-off');
