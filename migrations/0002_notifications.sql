-- The inbox: what concerns a person. It is filled from the events, after they were committed.

-- The newest event of each team that was looked at. Events before this migration are not news.
CREATE TABLE notification_cursors (
    team_id uuid PRIMARY KEY REFERENCES teams ON DELETE CASCADE,
    seq     bigint NOT NULL
);
INSERT INTO notification_cursors (team_id, seq) SELECT id, seq FROM teams;

-- A row of a person's inbox. It is about one task, goal, project or request, one change of many tasks, or, with none of
-- them, the team.
CREATE TABLE inbox_threads (
    account_id    uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    id            uuid NOT NULL,
    team_id       uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    task_id       uuid,
    goal_id       uuid,
    project_id    uuid,
    request_id    uuid,
    change_id     uuid,
    newest_at     timestamptz NOT NULL,
    is_unread     boolean NOT NULL DEFAULT true,
    done_at       timestamptz,
    snoozed_until timestamptz,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE,
    FOREIGN KEY (team_id, goal_id) REFERENCES goals ON DELETE CASCADE,
    FOREIGN KEY (team_id, project_id) REFERENCES projects ON DELETE CASCADE,
    FOREIGN KEY (team_id, request_id) REFERENCES requests ON DELETE CASCADE,
    CONSTRAINT inbox_thread_names_one CHECK (num_nonnulls(task_id, goal_id, project_id, request_id, change_id) <= 1),
    CONSTRAINT inbox_thread_once
        UNIQUE NULLS NOT DISTINCT (account_id, team_id, task_id, goal_id, project_id, request_id, change_id)
);
CREATE INDEX inbox_thread_newest ON inbox_threads (account_id, newest_at DESC, id DESC) WHERE done_at IS NULL;
CREATE INDEX inbox_thread_unread ON inbox_threads (account_id, newest_at DESC, id DESC)
    WHERE is_unread AND done_at IS NULL AND snoozed_until IS NULL;
CREATE INDEX inbox_thread_snoozed ON inbox_threads (account_id, newest_at DESC, id DESC)
    WHERE snoozed_until IS NOT NULL AND done_at IS NULL;
CREATE INDEX inbox_thread_snooze_ends ON inbox_threads (snoozed_until) WHERE snoozed_until IS NOT NULL;
CREATE INDEX inbox_thread_done ON inbox_threads (account_id, newest_at DESC, id DESC) WHERE done_at IS NOT NULL;
CREATE INDEX inbox_thread_task ON inbox_threads (team_id, task_id, account_id) WHERE task_id IS NOT NULL;
CREATE INDEX inbox_thread_goal ON inbox_threads (team_id, goal_id, account_id) WHERE goal_id IS NOT NULL;
CREATE INDEX inbox_thread_project ON inbox_threads (team_id, project_id, account_id) WHERE project_id IS NOT NULL;
CREATE INDEX inbox_thread_request ON inbox_threads (team_id, request_id) WHERE request_id IS NOT NULL;

-- Why a thread is in the inbox: each unread reason, or the newest one.
CREATE TABLE inbox_items (
    -- in the order in which they were written
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL,
    thread_id  uuid NOT NULL,
    reason     text NOT NULL CONSTRAINT inbox_item_reason CHECK (reason ~ '^[a-z]+(-[a-z]+)*$' AND length(reason) <= 40),
    -- the event of the thread's team; 0 if it is no event, but a day that has come
    seq        bigint NOT NULL,
    at         timestamptz NOT NULL,
    -- how many tasks of one change it stands for
    tasks      integer NOT NULL DEFAULT 1 CONSTRAINT inbox_item_tasks CHECK (tasks >= 1),
    -- the follow that it is due to
    follow_id  uuid,
    is_read    boolean NOT NULL DEFAULT false,
    mailed_at  timestamptz,
    FOREIGN KEY (account_id, thread_id) REFERENCES inbox_threads ON DELETE CASCADE,
    CONSTRAINT inbox_item_once UNIQUE (account_id, thread_id, seq, reason)
);
CREATE INDEX inbox_item_of_follow ON inbox_items (follow_id) WHERE follow_id IS NOT NULL AND NOT is_read;

-- The due dates that owners were told about.
CREATE TABLE due_notices (
    team_id uuid NOT NULL,
    task_id uuid NOT NULL,
    reason  text NOT NULL CONSTRAINT due_notice_reason CHECK (reason IN ('due-soon', 'overdue')),
    due_on  date NOT NULL,
    PRIMARY KEY (team_id, task_id, reason, due_on),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX task_due ON tasks (due_on) WHERE due_on IS NOT NULL AND archived_at IS NULL;

-- The number of unread threads, which every page shows. A trigger keeps it.
ALTER TABLE accounts ADD unread integer NOT NULL DEFAULT 0 CONSTRAINT account_unread CHECK (unread >= 0);

CREATE FUNCTION is_waiting(thread inbox_threads) RETURNS boolean IMMUTABLE
    RETURN thread.is_unread AND thread.done_at IS NULL AND thread.snoozed_until IS NULL;

CREATE FUNCTION count_unread() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND is_waiting(OLD) AND (TG_OP = 'DELETE' OR NOT is_waiting(NEW)) THEN
        UPDATE accounts SET unread = unread - 1 WHERE id = OLD.account_id;
    ELSIF TG_OP <> 'DELETE' AND is_waiting(NEW) AND (TG_OP = 'INSERT' OR NOT is_waiting(OLD)) THEN
        UPDATE accounts SET unread = unread + 1 WHERE id = NEW.account_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER inbox_thread_counted AFTER INSERT OR UPDATE OR DELETE ON inbox_threads
    FOR EACH ROW EXECUTE FUNCTION count_unread();

-- Mail goes only to addresses that were confirmed. The digest comes at `digest_at`, in minutes of the day, in the time
-- zone of the person; `digest_on` is the last day for which it was prepared.
ALTER TABLE accounts
    ADD email_confirmed_at timestamptz,
    ADD digest_at smallint NOT NULL DEFAULT 480 CONSTRAINT account_digest_at CHECK (digest_at BETWEEN 0 AND 1439),
    ADD digest_on date;

-- How people want to hear of a reason by mail, where it is not the default.
CREATE TABLE mail_choices (
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    reason     text NOT NULL CONSTRAINT mail_choice_reason CHECK (reason ~ '^[a-z]+(-[a-z]+)*$' AND length(reason) <= 40),
    delivery   text NOT NULL CONSTRAINT mail_choice_delivery CHECK (delivery IN ('at-once', 'digest', 'never')),
    PRIMARY KEY (account_id, reason)
);

-- Links by which people confirm their address. Only the SHA-256 of the secret is stored, here and below.
CREATE TABLE email_confirmations (
    account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    token_hash bytea NOT NULL CONSTRAINT email_confirmation_once UNIQUE,
    email      text NOT NULL CONSTRAINT email_confirmation_length CHECK (length(email) <= 254),
    expires_at timestamptz NOT NULL
);

-- Links in mails that end mails for a reason, or the digest.
CREATE TABLE unsubscribe_links (
    token_hash bytea PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    reason     text NOT NULL CONSTRAINT unsubscribe_link_reason CHECK (length(reason) <= 40),
    created_at timestamptz NOT NULL
);
CREATE INDEX unsubscribe_link_account ON unsubscribe_links (account_id);

-- Mail that waits to be sent, written in the transaction of what it is about. Its text is made when it is sent, from what
-- its reader may see then.
CREATE TABLE outbox (
    id         uuid PRIMARY KEY,
    kind       text NOT NULL CONSTRAINT outbox_kind CHECK (kind IN ('notification', 'digest', 'confirmation')),
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    thread_id  uuid,
    created_at timestamptz NOT NULL,
    send_at    timestamptz NOT NULL,
    attempts   integer NOT NULL DEFAULT 0,
    error      text NOT NULL DEFAULT '' CONSTRAINT outbox_error_length CHECK (length(error) <= 500),
    -- it was given up; an administrator may have it sent again
    failed_at  timestamptz,
    FOREIGN KEY (account_id, thread_id) REFERENCES inbox_threads ON DELETE CASCADE,
    CONSTRAINT outbox_thread CHECK ((kind = 'notification') = (thread_id IS NOT NULL))
);
CREATE UNIQUE INDEX outbox_once ON outbox (account_id, kind, thread_id) NULLS NOT DISTINCT WHERE failed_at IS NULL;
CREATE INDEX outbox_due ON outbox (send_at) WHERE failed_at IS NULL;
CREATE INDEX outbox_failed ON outbox (failed_at) WHERE failed_at IS NOT NULL;

-- Replaced by the inbox.
DROP TABLE feed_cursors;
DROP INDEX event_of_goals_and_projects;
