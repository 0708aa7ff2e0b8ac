-- A place is one task's alone, as before. But a unique index makes a new rank a new key of the task, and locks it also
-- against being waited on, commented and told of: whoever moved one and whoever told of it waited for each other.
ALTER TABLE tasks DROP CONSTRAINT task_rank,
    ADD CONSTRAINT task_rank EXCLUDE USING btree (column_id WITH =, rank WITH =) DEFERRABLE INITIALLY IMMEDIATE;
