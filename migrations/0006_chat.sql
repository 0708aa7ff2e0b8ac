-- Messages to a team's chat channel, through an incoming webhook of Slack, Mattermost or Discord.
CREATE TABLE chat_webhooks (
    team_id    uuid PRIMARY KEY REFERENCES teams ON DELETE CASCADE,
    product    text NOT NULL CONSTRAINT chat_webhook_product CHECK (product IN ('slack', 'mattermost', 'discord')),
    -- a secret: whoever has it can write to the channel
    url        text NOT NULL CONSTRAINT chat_webhook_url_length CHECK (length(url) BETWEEN 1 AND 2000),
    -- what is sent: the summary on the mornings of standups, and the rest within minutes
    standups   boolean NOT NULL DEFAULT true,
    blocked    boolean NOT NULL DEFAULT false,
    goals      boolean NOT NULL DEFAULT false,
    sprints    boolean NOT NULL DEFAULT false,
    -- the last day for which the summary was prepared
    summary_on date,
    -- why the last message could not be sent
    problem    text NOT NULL DEFAULT '' CONSTRAINT chat_webhook_problem_length CHECK (length(problem) <= 500),
    problem_at timestamptz,
    -- the chat has refused the webhook: nothing is sent until it is set again or a test succeeds
    refused    boolean NOT NULL DEFAULT false
);

-- The goals of which the channel was told that they are reached.
CREATE TABLE chat_goals (
    team_id uuid NOT NULL REFERENCES chat_webhooks ON DELETE CASCADE,
    goal_id uuid NOT NULL,
    PRIMARY KEY (team_id, goal_id),
    FOREIGN KEY (team_id, goal_id) REFERENCES goals ON DELETE CASCADE
);

-- Chat messages wait in the outbox beside mail. One that waits grows: it names the blockers, goals or sprints that it is
-- about, and what they are is looked up when it is sent.
ALTER TABLE outbox
    ADD channel text NOT NULL DEFAULT 'mail' CONSTRAINT outbox_channel CHECK (channel IN ('mail', 'chat')),
    ADD team_id uuid REFERENCES chat_webhooks ON DELETE CASCADE,
    ADD subjects uuid[] NOT NULL DEFAULT '{}',
    ALTER account_id DROP NOT NULL,
    DROP CONSTRAINT outbox_kind,
    ADD CONSTRAINT outbox_kind CHECK (kind ~ '^[a-z]+(-[a-z]+)*$' AND length(kind) <= 40),
    ADD CONSTRAINT outbox_recipient CHECK (num_nonnulls(account_id, team_id) = 1 AND (channel = 'chat') = (team_id IS NOT NULL));
DROP INDEX outbox_once;
CREATE UNIQUE INDEX outbox_once ON outbox (account_id, kind, thread_id, invitation_id) NULLS NOT DISTINCT
    WHERE failed_at IS NULL AND channel = 'mail' AND kind NOT IN ('new-device', 'address-changed', 'second-factor-reset');
CREATE UNIQUE INDEX outbox_chat_once ON outbox (team_id, kind) WHERE failed_at IS NULL AND channel = 'chat';
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (channel, send_at) WHERE failed_at IS NULL;
CREATE INDEX outbox_team ON outbox (team_id) WHERE team_id IS NOT NULL;
