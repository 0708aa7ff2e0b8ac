-- Imports of files of other tools. A file that was uploaded waits here for its preview to be confirmed.
CREATE TABLE imports (
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id         uuid NOT NULL,
    -- who imported it; null for the command line
    account_id uuid REFERENCES accounts ON DELETE SET NULL,
    -- the file's format, as `fortnight import` calls it
    source     text NOT NULL CONSTRAINT import_source_length CHECK (length(source) BETWEEN 1 AND 50),
    file_name  text NOT NULL CONSTRAINT import_file_name_length CHECK (length(file_name) <= 255),
    -- the columns that were chosen for lists and fields, and the sprint
    choices    jsonb NOT NULL DEFAULT '{}',
    state      text NOT NULL CONSTRAINT import_state CHECK (state IN ('uploading', 'uploaded', 'running', 'done', 'undone')),
    -- how many of its tasks are written so far
    written    integer NOT NULL DEFAULT 0,
    tasks      integer NOT NULL DEFAULT 0,
    -- the program that runs it says regularly that it still does
    beat_at    timestamptz,
    -- why the last attempt failed; empty if it did not
    problem    text NOT NULL DEFAULT '',
    -- what was imported, in sentences
    summary    text NOT NULL DEFAULT '',
    change_id  uuid,
    -- what undoing it removes again, and the default columns that it brings back, by name and state
    columns    uuid[] NOT NULL DEFAULT '{}',
    labels     uuid[] NOT NULL DEFAULT '{}',
    removed    jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL,
    ended_at   timestamptz,
    PRIMARY KEY (team_id, id),
    CONSTRAINT import_ended CHECK ((state IN ('done', 'undone')) = (ended_at IS NOT NULL)),
    CONSTRAINT import_change CHECK ((state IN ('done', 'undone')) = (change_id IS NOT NULL))
);

-- The uploaded file in pieces, until it was imported.
CREATE TABLE import_pieces (
    team_id   uuid NOT NULL,
    import_id uuid NOT NULL,
    nth       integer NOT NULL CONSTRAINT import_piece_nth CHECK (nth >= 0),
    bytes     bytea NOT NULL CONSTRAINT import_piece_size CHECK (length(bytes) <= 1048576),
    PRIMARY KEY (team_id, import_id, nth),
    FOREIGN KEY (team_id, import_id) REFERENCES imports ON DELETE CASCADE
);
