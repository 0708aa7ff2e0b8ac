-- How people sign in, as administrators have set it on a page. Flags for the provider win over it.
CREATE TABLE sign_in_settings (
    only_one       boolean PRIMARY KEY DEFAULT true CONSTRAINT sign_in_settings_is_one CHECK (only_one),
    -- the OpenID provider, if there is one
    issuer         text CONSTRAINT sign_in_issuer_length CHECK (length(issuer) BETWEEN 1 AND 500),
    client_id      text NOT NULL DEFAULT '' CONSTRAINT sign_in_client_id_length CHECK (length(client_id) <= 500),
    -- needed in the clear to sign in; no page returns it
    client_secret  text CONSTRAINT sign_in_client_secret_length CHECK (length(client_secret) BETWEEN 1 AND 1000),
    provider_name  text NOT NULL DEFAULT '' CONSTRAINT sign_in_provider_name_length CHECK (length(provider_name) <= 60),
    -- domains of addresses that may sign in through the provider; empty: all
    domains        text[] NOT NULL DEFAULT '{}',
    -- the claim with a person's groups, and the group that everyone must be in
    groups_claim   text NOT NULL DEFAULT 'groups'
        CONSTRAINT sign_in_groups_claim_length CHECK (length(groups_claim) BETWEEN 1 AND 200),
    required_group text NOT NULL DEFAULT '' CONSTRAINT sign_in_required_group_length CHECK (length(required_group) <= 200),
    -- whether people can sign in by password
    passwords      boolean NOT NULL DEFAULT true,
    CONSTRAINT sign_in_provider CHECK (issuer IS NULL OR client_id <> '')
);
INSERT INTO sign_in_settings DEFAULT VALUES;

-- What a group at the provider gives its people here: a team, or a role in the workspace.
CREATE TABLE group_rules (
    id         uuid PRIMARY KEY,
    group_name text NOT NULL CONSTRAINT group_rule_name_length CHECK (length(group_name) BETWEEN 1 AND 200),
    team_id    uuid REFERENCES teams ON DELETE CASCADE,
    role       text CONSTRAINT group_rule_role CHECK (role IN ('admin', 'member', 'viewer')),
    CONSTRAINT group_rule_gives_one CHECK ((team_id IS NULL) <> (role IS NULL)),
    CONSTRAINT group_rule UNIQUE NULLS NOT DISTINCT (group_name, team_id, role)
);
CREATE INDEX group_rule_team ON group_rules (team_id);

-- What a rule gave, a later sign-in without the group takes again. What a person gave stays.
ALTER TABLE accounts ADD COLUMN role_by_group boolean NOT NULL DEFAULT false;
ALTER TABLE members ADD COLUMN by_group boolean NOT NULL DEFAULT false;

-- Sessions that began at the provider, which can end them.
CREATE TABLE session_identities (
    token_hash  bytea PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
    issuer      text NOT NULL CONSTRAINT session_identity_issuer_length CHECK (length(issuer) <= 500),
    subject     text NOT NULL CONSTRAINT session_identity_subject_length CHECK (length(subject) BETWEEN 1 AND 255),
    -- the provider's own session
    sid         text CONSTRAINT session_identity_sid_length CHECK (length(sid) BETWEEN 1 AND 255),
    -- where the browser is sent to sign out there too, with its parameters
    sign_out_at text CONSTRAINT session_identity_sign_out_length CHECK (length(sign_out_at) <= 10000)
);
CREATE INDEX session_identity_subject ON session_identities (issuer, subject);

-- What the provider said of a person who has yet to enter a code.
ALTER TABLE pending_sign_ins
    ADD issuer      text CONSTRAINT pending_sign_in_issuer_length CHECK (length(issuer) <= 500),
    ADD subject     text CONSTRAINT pending_sign_in_subject_length CHECK (length(subject) BETWEEN 1 AND 255),
    ADD sid         text CONSTRAINT pending_sign_in_sid_length CHECK (length(sid) BETWEEN 1 AND 255),
    ADD sign_out_at text CONSTRAINT pending_sign_in_sign_out_length CHECK (length(sign_out_at) <= 10000);

-- What else the provider said of a person who has yet to confirm that an account is theirs. No groups: it sent none.
ALTER TABLE identity_confirmations ADD COLUMN groups text[];
ALTER TABLE identity_confirmations ADD COLUMN sid text
    CONSTRAINT identity_confirmation_sid_length CHECK (length(sid) BETWEEN 1 AND 255);
ALTER TABLE identity_confirmations ADD COLUMN sign_out_at text
    CONSTRAINT identity_confirmation_sign_out_length CHECK (length(sign_out_at) <= 10000);
