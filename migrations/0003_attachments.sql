-- Files attached to tasks.

-- The contents in the store, by their SHA-256 hash in hexadecimal. A row is written before its file, so that the
-- database knows every file that may be there.
CREATE TABLE stored_files (
    hash      text PRIMARY KEY CONSTRAINT stored_file_hash_form CHECK (hash ~ '^[0-9a-f]{64}$'),
    bytes     bigint NOT NULL CONSTRAINT stored_file_bytes CHECK (bytes >= 0),
    -- when it was stored last
    stored_at timestamptz NOT NULL
);
CREATE INDEX stored_file_age ON stored_files (stored_at);

CREATE TABLE attachments (
    team_id     uuid NOT NULL,
    id          uuid NOT NULL,
    task_id     uuid NOT NULL,
    hash        text NOT NULL REFERENCES stored_files,
    -- a small picture, of pictures only, which have a size in pixels too
    thumbnail   text REFERENCES stored_files,
    width       integer CONSTRAINT attachment_width CHECK (width BETWEEN 1 AND 1000000),
    height      integer CONSTRAINT attachment_height CHECK (height BETWEEN 1 AND 1000000),
    name        text NOT NULL CONSTRAINT attachment_name_length CHECK (length(name) BETWEEN 1 AND 200),
    media_type  text NOT NULL CONSTRAINT attachment_media_type
        CHECK (media_type IN ('image/png', 'image/jpeg', 'image/gif', 'image/webp', 'application/octet-stream')),
    bytes       bigint NOT NULL CONSTRAINT attachment_bytes CHECK (bytes >= 0),
    uploader_id uuid REFERENCES accounts ON DELETE SET NULL,
    created_at  timestamptz NOT NULL,
    -- kept for an hour, so that deleting can be undone
    deleted_at  timestamptz,
    PRIMARY KEY (team_id, id),
    CONSTRAINT attachment_picture CHECK ((thumbnail IS NULL) = (media_type = 'application/octet-stream')
        AND (thumbnail IS NULL) = (width IS NULL) AND (thumbnail IS NULL) = (height IS NULL)),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX attachment_task ON attachments (team_id, task_id, id);
CREATE INDEX attachment_hash ON attachments (hash);
CREATE INDEX attachment_thumbnail ON attachments (thumbnail);
CREATE INDEX attachment_uploader ON attachments (uploader_id);
CREATE INDEX attachment_deleted ON attachments (deleted_at) WHERE deleted_at IS NOT NULL;
