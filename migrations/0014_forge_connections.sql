-- Connections to forges: tests of their address, who has moved a task that was left alone, and when a pull request last
-- added an entry.

-- A delivery that Fortnight has sent to itself to try the address.
ALTER TABLE forge_deliveries DROP CONSTRAINT forge_delivery_state;
ALTER TABLE forge_deliveries ADD CONSTRAINT forge_delivery_state
    CHECK (state IN ('waiting', 'done', 'failed', 'refused', 'test'));

-- The person whose later move is the reason why a task was left alone, and when that was.
ALTER TABLE forge_delivery_tasks
    ADD COLUMN moved_by uuid REFERENCES accounts ON DELETE SET NULL,
    ADD COLUMN moved_at timestamptz;
CREATE INDEX forge_delivery_task_mover ON forge_delivery_tasks (moved_by) WHERE moved_by IS NOT NULL;

-- When a pull request last added an entry of a kind to a task's activity, for those whose authors anyone may be.
CREATE TABLE pull_request_entries (
    team_id         uuid NOT NULL,
    task_id         uuid NOT NULL,
    pull_request_id uuid NOT NULL REFERENCES pull_requests ON DELETE CASCADE,
    kind            text NOT NULL CONSTRAINT pull_request_entry_kind_length CHECK (length(kind) <= 30),
    at              timestamptz NOT NULL,
    PRIMARY KEY (team_id, task_id, pull_request_id, kind),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX pull_request_entry_of ON pull_request_entries (pull_request_id);
