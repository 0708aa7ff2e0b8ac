-- How a team works through a sprint: cadence, goals and how far they got, projects and objectives,
-- standup, closing and looking back.

-- Weekdays are ISO: 1 is Monday, 7 is Sunday.
ALTER TABLE workspace
    ADD cadence_weekday smallint NOT NULL DEFAULT 1 CONSTRAINT workspace_cadence_weekday CHECK (cadence_weekday BETWEEN 1 AND 7),
    ADD sprint_names text NOT NULL DEFAULT 'Sprint {n}'
        CONSTRAINT workspace_sprint_names CHECK (sprint_names LIKE '%{n}%' AND length(sprint_names) <= 60);

-- Minutes of the day, where the person is.
ALTER TABLE accounts
    ADD works_from smallint NOT NULL DEFAULT 540,
    ADD works_to   smallint NOT NULL DEFAULT 1020,
    ADD CONSTRAINT account_hours CHECK (works_from >= 0 AND works_to <= 1440 AND works_from < works_to);

ALTER TABLE teams
    -- its own, or else the workspace's
    ADD time_zone    text CONSTRAINT team_time_zone_length CHECK (length(time_zone) BETWEEN 1 AND 100),
    ADD working_days smallint[] NOT NULL DEFAULT '{1,2,3,4,5}'
        CONSTRAINT team_working_days CHECK (working_days <@ '{1,2,3,4,5,6,7}' AND cardinality(working_days) BETWEEN 1 AND 7),
    ADD standup_days smallint[] NOT NULL DEFAULT '{1,3,5}'
        CONSTRAINT team_standup_days CHECK (standup_days <@ '{1,2,3,4,5,6,7}' AND cardinality(standup_days) BETWEEN 1 AND 7),
    -- minutes of the day, in the team's time zone
    ADD standup_at   smallint NOT NULL DEFAULT 600 CONSTRAINT team_standup_at CHECK (standup_at BETWEEN 0 AND 1439),
    ADD mission      text NOT NULL DEFAULT '' CONSTRAINT team_mission_length CHECK (length(mission) <= 2000),
    ADD chat         text NOT NULL DEFAULT '' CONSTRAINT team_chat_length CHECK (length(chat) <= 200),
    ADD roadmap      text NOT NULL DEFAULT '' CONSTRAINT team_roadmap_length CHECK (length(roadmap) <= 50000);

-- What somebody is on the team for: "Postgres", "engineering lead".
ALTER TABLE members ADD does text NOT NULL DEFAULT '' CONSTRAINT member_does_length CHECK (length(does) <= 100);

CREATE TABLE days_off (
    team_id uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    day     date NOT NULL,
    name    text NOT NULL DEFAULT '' CONSTRAINT day_off_name_length CHECK (length(name) <= 100),
    PRIMARY KEY (team_id, day)
);

-- A sprint's time can be over before every team has closed it.
ALTER TABLE sprints DROP CONSTRAINT sprint_state;
ALTER TABLE sprints ADD CONSTRAINT sprint_state CHECK (state IN ('planned', 'active', 'ended', 'closed'));
-- Sprints are moved several in one statement.
ALTER TABLE sprints DROP CONSTRAINT sprint_overlap;
ALTER TABLE sprints ADD CONSTRAINT sprint_overlap EXCLUDE USING gist (daterange(starts_on, ends_on, '[]') WITH &&) DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE sprints DROP CONSTRAINT sprint_number;
ALTER TABLE sprints ADD CONSTRAINT sprint_number UNIQUE (number) DEFERRABLE INITIALLY IMMEDIATE;

-- A quarter's aims of a team, and what shows that they are reached.
CREATE TABLE objectives (
    team_id  uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id       uuid NOT NULL,
    quarter  text NOT NULL CONSTRAINT objective_quarter CHECK (quarter ~ '^[0-9]{4}-Q[1-4]$'),
    position integer NOT NULL CONSTRAINT objective_position_range CHECK (position BETWEEN 1 AND 99),
    title    text NOT NULL CONSTRAINT objective_title_length CHECK (length(btrim(title)) BETWEEN 1 AND 200),
    why      text NOT NULL DEFAULT '' CONSTRAINT objective_why_length CHECK (length(why) <= 2000),
    PRIMARY KEY (team_id, id),
    CONSTRAINT objective_position UNIQUE (team_id, quarter, position) DEFERRABLE INITIALLY IMMEDIATE
);

CREATE TABLE key_results (
    team_id      uuid NOT NULL,
    id           uuid NOT NULL,
    objective_id uuid NOT NULL,
    position     integer NOT NULL CONSTRAINT key_result_position_range CHECK (position BETWEEN 1 AND 99),
    title        text NOT NULL CONSTRAINT key_result_title_length CHECK (length(btrim(title)) BETWEEN 1 AND 200),
    measure      text NOT NULL CONSTRAINT key_result_measure CHECK (measure IN ('count', 'share', 'yes-no')),
    unit         text NOT NULL DEFAULT '' CONSTRAINT key_result_unit_length CHECK (length(unit) <= 50),
    target       bigint NOT NULL CONSTRAINT key_result_target CHECK (target BETWEEN 1 AND 1000000000),
    -- how far it is, when somebody says so; without it, what feeds it is added up
    typed        bigint CONSTRAINT key_result_typed CHECK (typed BETWEEN 0 AND 1000000000),
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, objective_id) REFERENCES objectives ON DELETE CASCADE,
    CONSTRAINT key_result_position UNIQUE (team_id, objective_id, position) DEFERRABLE INITIALLY IMMEDIATE
);

-- An aim that outlives sprints. The team that leads it keeps it; goals and tasks of every team may serve it.
CREATE TABLE projects (
    team_id            uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id                 uuid NOT NULL,
    slug               text NOT NULL CONSTRAINT project_slug UNIQUE CONSTRAINT project_slug_form CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$'),
    name               text NOT NULL CONSTRAINT project_name_length CHECK (length(btrim(name)) BETWEEN 1 AND 200),
    about              text NOT NULL DEFAULT '' CONSTRAINT project_about_length CHECK (length(about) <= 20000),
    measure            text NOT NULL CONSTRAINT project_measure CHECK (measure IN ('count', 'share', 'yes-no')),
    unit               text NOT NULL DEFAULT '' CONSTRAINT project_unit_length CHECK (length(unit) <= 50),
    target             bigint NOT NULL CONSTRAINT project_target CHECK (target BETWEEN 1 AND 1000000000),
    -- how far it is, when somebody says so; without it, its goals are added up
    typed              bigint CONSTRAINT project_typed CHECK (typed BETWEEN 0 AND 1000000000),
    hue                smallint NOT NULL CONSTRAINT project_hue CHECK (hue BETWEEN 0 AND 11),
    key_result_team_id uuid,
    key_result_id      uuid,
    created_at         timestamptz NOT NULL,
    finished_at        timestamptz,
    PRIMARY KEY (team_id, id),
    CONSTRAINT project_key_result FOREIGN KEY (key_result_team_id, key_result_id) REFERENCES key_results ON DELETE SET NULL,
    CONSTRAINT project_key_result_whole CHECK ((key_result_id IS NULL) = (key_result_team_id IS NULL))
);

CREATE TABLE milestones (
    team_id    uuid NOT NULL,
    id         uuid NOT NULL,
    project_id uuid NOT NULL,
    position   integer NOT NULL CONSTRAINT milestone_position_range CHECK (position BETWEEN 1 AND 99),
    title      text NOT NULL CONSTRAINT milestone_title_length CHECK (length(btrim(title)) BETWEEN 1 AND 200),
    due_on     date,
    reached_at timestamptz,
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, project_id) REFERENCES projects ON DELETE CASCADE,
    CONSTRAINT milestone_position UNIQUE (team_id, project_id, position) DEFERRABLE INITIALLY IMMEDIATE
);

ALTER TABLE goals
    -- where its current figure comes from: done tasks, their estimates added up, or what somebody typed in
    ADD counted_by text NOT NULL DEFAULT 'tasks' CONSTRAINT goal_counted_by CHECK (counted_by IN ('tasks', 'estimates', 'typed')),
    ADD why     text NOT NULL DEFAULT '' CONSTRAINT goal_why_length CHECK (length(why) <= 2000),
    -- what it needs from whom, in words
    ADD needs   text NOT NULL DEFAULT '' CONSTRAINT goal_needs_length CHECK (length(needs) <= 500),
    ADD version bigint NOT NULL DEFAULT 1,
    ADD project_team_id uuid,
    ADD project_id      uuid,
    ADD milestone_id    uuid,
    ADD key_result_id   uuid,
    ADD CONSTRAINT goal_project FOREIGN KEY (project_team_id, project_id) REFERENCES projects ON DELETE SET NULL,
    ADD CONSTRAINT goal_project_whole CHECK ((project_id IS NULL) = (project_team_id IS NULL)),
    ADD CONSTRAINT goal_milestone FOREIGN KEY (project_team_id, milestone_id) REFERENCES milestones ON DELETE SET NULL (milestone_id),
    ADD CONSTRAINT goal_key_result FOREIGN KEY (team_id, key_result_id) REFERENCES key_results ON DELETE SET NULL (key_result_id);
UPDATE goals SET counted_by = 'typed' WHERE typed IS NOT NULL;
CREATE INDEX goal_sprint ON goals (sprint_id);
CREATE INDEX goal_of_project ON goals (project_team_id, project_id) WHERE project_id IS NOT NULL;

-- Every figure that was typed in, with its note, so that pace can be drawn.
CREATE TABLE goal_entries (
    team_id uuid NOT NULL,
    id      uuid NOT NULL,
    goal_id uuid NOT NULL,
    value   bigint NOT NULL CONSTRAINT goal_entry_value CHECK (value BETWEEN 0 AND 1000000000),
    note    text NOT NULL DEFAULT '' CONSTRAINT goal_entry_note_length CHECK (length(note) <= 500),
    by_id   uuid REFERENCES accounts ON DELETE SET NULL,
    at      timestamptz NOT NULL,
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, goal_id) REFERENCES goals ON DELETE CASCADE
);
CREATE INDEX goal_entry_goal ON goal_entries (team_id, goal_id, at);

-- What others say to a goal. A concern stays open until the goal's team answers it.
CREATE TABLE remarks (
    team_id     uuid NOT NULL,
    id          uuid NOT NULL,
    goal_id     uuid NOT NULL,
    kind        text NOT NULL CONSTRAINT remark_kind CHECK (kind IN ('comment', 'concern')),
    author_id   uuid REFERENCES accounts ON DELETE SET NULL,
    body        text NOT NULL CONSTRAINT remark_body_length CHECK (length(body) <= 5000 AND body ~ '\S'),
    created_at  timestamptz NOT NULL,
    answer      text CONSTRAINT remark_answer_length CHECK (length(answer) <= 5000 AND answer ~ '\S'),
    answered_by uuid REFERENCES accounts ON DELETE SET NULL,
    answered_at timestamptz,
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, goal_id) REFERENCES goals ON DELETE CASCADE,
    CONSTRAINT remark_answer_whole CHECK ((answer IS NULL) = (answered_at IS NULL))
);
CREATE INDEX remark_goal ON remarks (team_id, goal_id, created_at);

-- A task may serve a project without a goal.
ALTER TABLE tasks
    ADD project_team_id uuid,
    ADD project_id      uuid,
    ADD CONSTRAINT task_project FOREIGN KEY (project_team_id, project_id) REFERENCES projects ON DELETE SET NULL,
    ADD CONSTRAINT task_project_whole CHECK ((project_id IS NULL) = (project_team_id IS NULL));
CREATE INDEX task_of_project ON tasks (project_team_id, project_id) WHERE project_id IS NOT NULL;

-- A team's closing of a sprint. Its figures are frozen here: nothing that is changed later changes them.
CREATE TABLE closings (
    team_id   uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    sprint_id uuid NOT NULL REFERENCES sprints,
    closed_by uuid REFERENCES accounts ON DELETE SET NULL,
    closed_at timestamptz NOT NULL,
    change_id uuid NOT NULL,
    figures   jsonb NOT NULL,
    PRIMARY KEY (team_id, sprint_id)
);

-- What became of a task that was not done when its sprint was closed.
CREATE TABLE leftovers (
    team_id      uuid NOT NULL,
    sprint_id    uuid NOT NULL,
    task_id      uuid NOT NULL,
    outcome      text NOT NULL CONSTRAINT leftover_outcome CHECK (outcome IN ('carried', 'backlog', 'dropped')),
    to_sprint_id uuid REFERENCES sprints,
    reason       text NOT NULL DEFAULT '' CONSTRAINT leftover_reason_length CHECK (length(reason) <= 500),
    PRIMARY KEY (team_id, sprint_id, task_id),
    FOREIGN KEY (team_id, sprint_id) REFERENCES closings ON DELETE CASCADE,
    FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE CASCADE,
    CONSTRAINT leftover_carried_where CHECK ((outcome = 'carried') = (to_sprint_id IS NOT NULL))
);
CREATE INDEX leftover_task ON leftovers (team_id, task_id) WHERE outcome = 'carried';

-- What somebody promised; it stays on the list until it is done or dropped.
CREATE TABLE actions (
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id         uuid NOT NULL,
    text       text NOT NULL CONSTRAINT action_text_length CHECK (length(text) <= 500 AND text ~ '\S'),
    owner_id   uuid REFERENCES accounts ON DELETE SET NULL,
    due_on     date,
    meeting    text NOT NULL CONSTRAINT action_meeting CHECK (meeting IN ('standup', 'retro')),
    -- the sprint that was looked back on
    sprint_id  uuid REFERENCES sprints,
    created_by uuid REFERENCES accounts ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    done_at    timestamptz,
    dropped_at timestamptz,
    -- the task that it became
    task_id    uuid,
    PRIMARY KEY (team_id, id),
    CONSTRAINT action_task FOREIGN KEY (team_id, task_id) REFERENCES tasks ON DELETE SET NULL (task_id),
    CONSTRAINT action_retro_of CHECK ((meeting = 'retro') = (sprint_id IS NOT NULL)),
    CONSTRAINT action_ends_once CHECK (done_at IS NULL OR dropped_at IS NULL)
);
CREATE INDEX action_open ON actions (team_id, created_at) WHERE done_at IS NULL AND dropped_at IS NULL;
CREATE INDEX action_owner ON actions (owner_id) WHERE done_at IS NULL AND dropped_at IS NULL;
CREATE INDEX action_retro ON actions (team_id, sprint_id) WHERE sprint_id IS NOT NULL;

-- A line on the agenda of the next meeting of its kind; one that is not ticked off goes to the next.
CREATE TABLE topics (
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id         uuid NOT NULL,
    meeting    text NOT NULL CONSTRAINT topic_meeting CHECK (meeting IN ('standup', 'planning', 'retro')),
    text       text NOT NULL CONSTRAINT topic_text_length CHECK (length(text) <= 500 AND text ~ '\S'),
    task_team  uuid,
    task_id    uuid,
    -- whose opinion is wanted
    asked_id   uuid REFERENCES accounts ON DELETE SET NULL,
    created_by uuid REFERENCES accounts ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    done_at    timestamptz,
    PRIMARY KEY (team_id, id),
    CONSTRAINT topic_task FOREIGN KEY (task_team, task_id) REFERENCES tasks ON DELETE CASCADE
);
CREATE INDEX topic_open ON topics (team_id, meeting, created_at) WHERE done_at IS NULL;
CREATE INDEX topic_task_of ON topics (task_team, task_id) WHERE task_id IS NOT NULL;

-- What was written while looking back on a sprint.
CREATE TABLE notes (
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    id         uuid NOT NULL,
    sprint_id  uuid NOT NULL REFERENCES sprints,
    tray       text NOT NULL CONSTRAINT note_tray CHECK (tray IN ('thanks', 'well', 'not', 'idea')),
    text       text NOT NULL CONSTRAINT note_text_length CHECK (length(text) <= 2000 AND text ~ '\S'),
    author_id  uuid REFERENCES accounts ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    edited_at  timestamptz,
    PRIMARY KEY (team_id, id)
);
CREATE INDEX note_retro ON notes (team_id, sprint_id, created_at);

-- Who waits on a person or a team, and how long a task has been waited for.
CREATE INDEX wait_on_person ON waits (on_account_id) WHERE ended_at IS NULL AND on_account_id IS NOT NULL;
CREATE INDEX wait_on_team ON waits (on_team_id) WHERE ended_at IS NULL AND on_team_id IS NOT NULL;
CREATE INDEX wait_spell ON waits (team_id, since);
CREATE INDEX wait_was_on ON waits (on_task_team, on_task_id, ended_at) WHERE ended_at IS NOT NULL;
