-- Identities at an OpenID provider, by which their accounts sign in.
CREATE TABLE account_identities (
    -- as the provider writes it
    issuer     text NOT NULL CONSTRAINT account_identity_issuer_length CHECK (length(issuer) <= 500),
    subject    text NOT NULL CONSTRAINT account_identity_subject_length CHECK (length(subject) BETWEEN 1 AND 255),
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX account_identity_account ON account_identities (account_id);

-- Identities with the e-mail address of an existing account, whose owner has yet to confirm that it is theirs. One per
-- account: a new attempt replaces the previous one.
CREATE TABLE identity_confirmations (
    account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    -- the SHA-256 of 256 random bits
    token_hash bytea NOT NULL CONSTRAINT identity_confirmation_token UNIQUE,
    issuer     text NOT NULL CONSTRAINT identity_confirmation_issuer_length CHECK (length(issuer) <= 500),
    subject    text NOT NULL CONSTRAINT identity_confirmation_subject_length CHECK (length(subject) BETWEEN 1 AND 255),
    expires_at timestamptz NOT NULL
);
