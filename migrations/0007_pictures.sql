-- A picture of a task that its card shows.
ALTER TABLE tasks
    ADD cover_id uuid,
    ADD CONSTRAINT task_cover FOREIGN KEY (team_id, cover_id) REFERENCES attachments ON DELETE SET NULL (cover_id);
CREATE INDEX task_with_cover ON tasks (team_id, cover_id) WHERE cover_id IS NOT NULL;

-- A person's picture, square and small. Without one, their initials are shown.
ALTER TABLE accounts ADD avatar text CONSTRAINT account_avatar REFERENCES stored_files;
-- Grows whenever a person's picture changes.
ALTER TABLE workspace ADD avatars bigint NOT NULL DEFAULT 0;
CREATE INDEX account_with_avatar ON accounts (avatar) WHERE avatar IS NOT NULL;
