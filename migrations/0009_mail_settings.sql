-- The mail server, as administrators have set it on a page. Flags for one win over it.
CREATE TABLE mail_settings (
    only_one   boolean PRIMARY KEY DEFAULT true CONSTRAINT mail_settings_is_one CHECK (only_one),
    -- the server, if there is one: a name, or an address without brackets
    host       text CONSTRAINT mail_host_length CHECK (length(host) BETWEEN 1 AND 255),
    port       integer NOT NULL DEFAULT 465 CONSTRAINT mail_port CHECK (port BETWEEN 1 AND 65535),
    encryption text NOT NULL DEFAULT 'tls' CONSTRAINT mail_encryption CHECK (encryption IN ('tls', 'starttls', 'none')),
    username   text NOT NULL DEFAULT '' CONSTRAINT mail_username_length CHECK (length(username) <= 320),
    -- needed in the clear to sign in at the server; no page returns it
    password   text CONSTRAINT mail_password_length CHECK (length(password) BETWEEN 1 AND 1000),
    -- the sender of mail; empty: fortnight@ and the host of the public URL
    sender     text NOT NULL DEFAULT '' CONSTRAINT mail_sender_length CHECK (length(sender) <= 320),
    CONSTRAINT mail_credentials CHECK ((username = '') = (password IS NULL))
);
INSERT INTO mail_settings DEFAULT VALUES;
