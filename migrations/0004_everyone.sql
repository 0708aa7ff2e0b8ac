-- Everyone else: who may see what, how people come and go, and what administrators can look up afterwards.

-- Open: all who are signed in may read. Private: its members only.
ALTER TABLE teams ADD private boolean NOT NULL DEFAULT false;

-- Who was on a team, and when. A member's present stay is in members.
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

ALTER TABLE workspace
    ADD registration_open    boolean NOT NULL DEFAULT false,
    -- who may register when it is open; none named: every address
    ADD registration_domains text[] NOT NULL DEFAULT '{}';

-- Links that let somebody in who has no account yet. Only the SHA-256 of the secret is here.
CREATE TABLE invitations (
    id         uuid PRIMARY KEY,
    token_hash bytea NOT NULL CONSTRAINT invitation_once UNIQUE,
    role       text NOT NULL DEFAULT 'member' CONSTRAINT invitation_role CHECK (role IN ('member', 'viewer')),
    team_id    uuid REFERENCES teams ON DELETE CASCADE,
    -- one person, or everybody who has the link
    single_use boolean NOT NULL,
    created_by uuid REFERENCES accounts ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used       integer NOT NULL DEFAULT 0 CONSTRAINT invitation_used CHECK (used >= 0 AND (NOT single_use OR used <= 1)),
    revoked_at timestamptz
);

-- One a person: a new link ends the one before it.
CREATE TABLE password_resets (
    account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    token_hash bytea NOT NULL CONSTRAINT password_reset_once UNIQUE,
    created_by uuid REFERENCES accounts ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

ALTER TABLE tokens
    ADD name       text NOT NULL DEFAULT '' CONSTRAINT token_name_length CHECK (length(name) <= 100),
    ADD expires_at timestamptz,
    -- the teams that it reaches; none: all that its owner does
    ADD teams      uuid[],
    DROP CONSTRAINT token_scope,
    ADD CONSTRAINT token_scope CHECK (scope IN ('read', 'write', 'admin'));

-- What administrators can look up: who came in, and who changed what may be done.
CREATE TABLE audit (
    id       uuid PRIMARY KEY,
    at       timestamptz NOT NULL,
    actor_id uuid REFERENCES accounts ON DELETE SET NULL,
    kind     text NOT NULL CONSTRAINT audit_kind_form CHECK (kind ~ '^[a-z-]+\.[a-z-]+$'),
    about    text NOT NULL DEFAULT '' CONSTRAINT audit_about_length CHECK (length(about) <= 500),
    network  text NOT NULL DEFAULT '' CONSTRAINT audit_network_length CHECK (length(network) <= 100)
);
CREATE INDEX audit_newest ON audit (at DESC, id DESC);
