-- A second factor for signing in with a password, the devices of an account, and mail about accounts.

-- What an authenticator app and the server share. The server computes codes from it, so it cannot be a hash.
CREATE TABLE second_factors (
    account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    secret     bytea NOT NULL CONSTRAINT second_factor_secret_length CHECK (octet_length(secret) = 20),
    created_at timestamptz NOT NULL,
    -- when the first code was entered; until then none is asked for
    enabled_at timestamptz,
    -- the half minute of the newest code that was accepted: each is accepted once
    last_step  bigint NOT NULL DEFAULT 0
);

-- Codes for someone who has lost the app, each for one use. Only the SHA-256 is stored, here and below.
CREATE TABLE recovery_codes (
    account_id uuid NOT NULL REFERENCES second_factors ON DELETE CASCADE,
    code_hash  bytea NOT NULL,
    PRIMARY KEY (account_id, code_hash)
);

-- Sign-ins that wait for a code. The browser that began one has its secret in a cookie.
CREATE TABLE pending_sign_ins (
    token_hash     bytea PRIMARY KEY,
    account_id     uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    -- how the person began, for the audit log
    begun_by       text NOT NULL CONSTRAINT pending_sign_in_begun_by_length CHECK (length(begun_by) <= 200),
    is_by_provider boolean NOT NULL,
    -- the path to go to afterwards
    next           text NOT NULL CONSTRAINT pending_sign_in_next_length CHECK (length(next) <= 2000),
    attempts       integer NOT NULL DEFAULT 0,
    expires_at     timestamptz NOT NULL
);
CREATE INDEX pending_sign_in_account ON pending_sign_ins (account_id);
CREATE INDEX pending_sign_in_expiry ON pending_sign_ins (expires_at);

-- Browsers that an account has signed in with, by a cookie of their own.
CREATE TABLE known_devices (
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    token_hash   bytea NOT NULL,
    last_seen_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, token_hash)
);
CREATE INDEX known_device_age ON known_devices (last_seen_at);

ALTER TABLE sessions
    -- the address from which it was started
    ADD network text NOT NULL DEFAULT '' CONSTRAINT session_network_length CHECK (length(network) <= 100),
    -- started through an OpenID provider, which may ask for a second factor of its own
    ADD is_by_provider boolean NOT NULL DEFAULT false;

ALTER TABLE workspace
    ADD second_factor_required boolean NOT NULL DEFAULT false,
    -- no code is asked for after a sign-in through the OpenID provider
    ADD provider_is_second_factor boolean NOT NULL DEFAULT true;

-- Invitations that are sent by mail.
ALTER TABLE invitations
    ADD email text CONSTRAINT invitation_email_form CHECK (email ~ '^[^@\s]+@[^@\s]+$' AND length(email) <= 254);

-- Mail about accounts. An invitation is sent on behalf of the account that created it.
ALTER TABLE outbox
    DROP CONSTRAINT outbox_kind,
    ADD CONSTRAINT outbox_kind CHECK (kind IN ('notification', 'digest', 'confirmation', 'new-device', 'address-changed',
        'second-factor-reset', 'password-reset', 'invitation')),
    -- where it goes, if not to the address that the account has when it is sent
    ADD address text CONSTRAINT outbox_address_length CHECK (length(address) <= 254),
    -- what happened, for mails that tell of something at a moment
    ADD details text NOT NULL DEFAULT '' CONSTRAINT outbox_details_length CHECK (length(details) <= 500),
    ADD invitation_id uuid REFERENCES invitations ON DELETE CASCADE,
    ADD CONSTRAINT outbox_invitation CHECK ((kind = 'invitation') = (invitation_id IS NOT NULL));
DROP INDEX outbox_once;
-- Each mail that tells of a moment is sent; of the others one at a time waits.
CREATE UNIQUE INDEX outbox_once ON outbox (account_id, kind, thread_id, invitation_id) NULLS NOT DISTINCT
    WHERE failed_at IS NULL AND kind NOT IN ('new-device', 'address-changed', 'second-factor-reset');
CREATE INDEX outbox_invitation_id ON outbox (invitation_id) WHERE invitation_id IS NOT NULL;
