-- Programs that ask a person for an API token (OAuth 2.1), instead of having one entered.

CREATE TABLE oauth_clients (
    id            uuid PRIMARY KEY,
    -- as the program calls itself
    name          text NOT NULL CONSTRAINT oauth_client_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 50),
    redirect_uris text[] NOT NULL CONSTRAINT oauth_client_redirects CHECK (cardinality(redirect_uris) BETWEEN 1 AND 10),
    created_at    timestamptz NOT NULL
);
CREATE INDEX oauth_client_age ON oauth_clients (created_at);

-- the program that was given the token; such tokens are valid at /mcp only
ALTER TABLE tokens ADD COLUMN oauth_client_id uuid REFERENCES oauth_clients ON DELETE CASCADE;
CREATE INDEX token_oauth_client ON tokens (oauth_client_id);

-- What a person has agreed to, until the program fetches its token.
CREATE TABLE oauth_codes (
    code_hash    bytea PRIMARY KEY,
    client_id    uuid NOT NULL REFERENCES oauth_clients ON DELETE CASCADE,
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    scope        text NOT NULL CONSTRAINT oauth_code_scope CHECK (scope IN ('read', 'write')),
    redirect_uri text NOT NULL CONSTRAINT oauth_code_redirect_length CHECK (length(redirect_uri) <= 2000),
    -- the SHA-256 of the program's secret (PKCE)
    challenge    bytea NOT NULL,
    expires_at   timestamptz NOT NULL,
    -- what it was exchanged for: sent again, it revokes this
    issued_id    uuid REFERENCES tokens ON DELETE CASCADE
);
CREATE INDEX oauth_code_expiry ON oauth_codes (expires_at);
CREATE INDEX oauth_code_client ON oauth_codes (client_id);
CREATE INDEX oauth_code_account ON oauth_codes (account_id);
CREATE INDEX oauth_code_issued ON oauth_codes (issued_id);
