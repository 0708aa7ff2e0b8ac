-- What a webhook is for: "all", groups of event kinds such as "tasks", and single kinds such as "task.moved".
ALTER TABLE webhooks RENAME COLUMN groups TO events;
ALTER TABLE webhooks DROP CONSTRAINT webhook_groups,
    ADD CONSTRAINT webhook_events CHECK (cardinality(events) BETWEEN 1 AND 200);

-- Nothing is sent before, because the receiver asked for a pause.
ALTER TABLE webhooks ADD COLUMN held_until timestamptz;

-- They are counted for the metrics.
CREATE INDEX webhook_message_failed ON webhook_messages (webhook_id) WHERE state = 'failed';
