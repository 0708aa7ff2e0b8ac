-- Agents: programs that act for a person over the Model Context Protocol.

-- the name of the agent that uses the token; null: a program that acts as the person themselves
ALTER TABLE tokens ADD COLUMN agent text CONSTRAINT token_agent_length CHECK (length(btrim(agent)) BETWEEN 1 AND 50);

-- the agent that acted for the actor
ALTER TABLE events ADD COLUMN agent text;

-- the agent that wrote for the author
ALTER TABLE comments ADD COLUMN agent text;

ALTER TABLE teams ADD COLUMN agents_may_close boolean NOT NULL DEFAULT false;

-- Tasks that an agent has taken for a while: if nothing happens until then, the person is no longer the owner.
CREATE TABLE claims (
    team_id    uuid NOT NULL,
    task_id    uuid NOT NULL,
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    agent      text,
    -- the task's version when it was claimed
    version    bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (team_id, task_id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX claim_expiry ON claims (expires_at);
CREATE INDEX claim_account ON claims (account_id);
