-- Connections to forges: who has moved a task that was left alone.

-- The person whose later move is the reason why a task was left alone, and when that was.
ALTER TABLE forge_delivery_tasks
    ADD COLUMN moved_by uuid REFERENCES accounts ON DELETE SET NULL,
    ADD COLUMN moved_at timestamptz;
CREATE INDEX forge_delivery_task_mover ON forge_delivery_tasks (moved_by) WHERE moved_by IS NOT NULL;
