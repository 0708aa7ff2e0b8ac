-- What the demo leaves empty, so that every column of every table of schema 1 has a value: see make-fixture.

INSERT INTO former_names SELECT id, 'Platform engineering' FROM teams WHERE key = 'INF';
INSERT INTO former_keys SELECT 'OPS', id FROM teams WHERE key = 'INF';
INSERT INTO former_handles SELECT 'elif-h', id FROM accounts ORDER BY created_at, id LIMIT 1;
INSERT INTO former_handles VALUES ('gone', NULL);
UPDATE teams SET time_zone = 'Europe/Berlin' WHERE key = 'ING';
UPDATE accounts SET password_hash = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g';
UPDATE accounts SET deactivated_at = now() WHERE id = (SELECT max(id::text)::uuid FROM accounts);

INSERT INTO sessions
SELECT sha256(id::text::bytea), id, now(), now(), now() + interval '30 days', 'Mozilla/5.0 (X11; Linux x86_64)' FROM accounts;
INSERT INTO tokens
SELECT gen_random_uuid(), a.id, sha256((s || a.id)::bytea), s, now(), now(), NULL, 'CI ' || s, now() + interval '1 year',
       CASE WHEN s = 'read' THEN (SELECT array_agg(id) FROM teams) END
FROM accounts a, unnest(ARRAY['read', 'write', 'admin']) s;
UPDATE tokens SET revoked_at = now() WHERE scope = 'admin';
INSERT INTO password_resets SELECT id, sha256(('r' || id)::bytea), id, now(), now() + interval '1 day' FROM accounts;
INSERT INTO invitations
SELECT gen_random_uuid(), sha256(('i' || r || t.id)::bytea), r, t.id, r = 'viewer', a.id, now(), now() + interval '7 days', 1, now()
FROM teams t, unnest(ARRAY['member', 'viewer']) r, (SELECT id FROM accounts ORDER BY id LIMIT 1) a;
INSERT INTO audit_log
SELECT gen_random_uuid(), now(), a.id, 'sign-in.succeeded', 'in {team}, “Grüße” 日本', '192.0.2.0/24', t.id FROM accounts a, teams t;
INSERT INTO idempotency_keys SELECT id, 'import-' || handle, sha256('body'), gen_random_uuid(), now() FROM accounts;

INSERT INTO past_members
SELECT t.id, gen_random_uuid(), a.id, r, now() - interval '90 days', now() - interval '30 days'
FROM teams t, accounts a, unnest(ARRAY['lead', 'member']) r;
INSERT INTO days_off SELECT id, '2026-12-24', 'Christmas Eve' FROM teams;
INSERT INTO share_links
SELECT id, gen_random_uuid(), sha256((s || id)::bytea), 'For ' || s, s, '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA',
       (SELECT id FROM accounts ORDER BY id LIMIT 1), now(), now() + interval '30 days', now(), now()
FROM teams, unnest(ARRAY['board', 'check-in']) s;
INSERT INTO saved_filters
SELECT t.id, gen_random_uuid(), a.id, 'Mine of ' || a.handle, 'owner:me label:urgent' FROM teams t JOIN members m ON m.team_id = t.id
JOIN accounts a ON a.id = m.account_id;
INSERT INTO saved_filters SELECT id, gen_random_uuid(), NULL, 'Unassigned', 'owner:none' FROM teams;

UPDATE comments SET edited_at = created_at + interval '5 minutes' WHERE id IN (SELECT id FROM comments ORDER BY id LIMIT 5);
UPDATE comments SET deleted_at = now(), author = 'A former colleague'
WHERE id IN (SELECT id FROM comments ORDER BY id DESC LIMIT 2);
UPDATE tasks SET imported_from = 'trello:' || number WHERE number <= 10;
UPDATE tasks t SET project_team_id = p.team_id, project_id = p.id FROM projects p WHERE t.number % 3 = 0;
UPDATE topics t SET task_team = k.team_id, task_id = k.id, done_at = now()
FROM (SELECT team_id, id FROM tasks ORDER BY number LIMIT 1) k WHERE t.id = (SELECT min(id::text)::uuid FROM topics);
INSERT INTO task_stakeholders (team_id, task_id, by_account_id)
SELECT k.team_id, k.id, a.id FROM tasks k, accounts a WHERE k.number = 7;
UPDATE actions x SET due_on = '2026-12-11', task_id = (SELECT id FROM tasks k WHERE k.team_id = x.team_id ORDER BY number LIMIT 1);
UPDATE requests r SET task_id = (SELECT k.id FROM tasks k WHERE k.team_id = r.team_id ORDER BY number LIMIT 1)
WHERE r.id = (SELECT min(id::text)::uuid FROM requests);
UPDATE retro_notes SET edited_at = created_at + interval '1 minute';
UPDATE milestones SET due_on = '2027-01-15';
UPDATE key_results SET manual_value = 12 WHERE id = (SELECT min(id::text)::uuid FROM key_results);
UPDATE projects SET manual_value = 40, finished_at = now() WHERE id = (SELECT min(id::text)::uuid FROM projects);
UPDATE goals g SET key_result_id = k.id FROM key_results k WHERE k.team_id = g.team_id;
INSERT INTO follows SELECT gen_random_uuid(), a.id, g.team_id, NULL, g.id, NULL, now()
FROM accounts a, (SELECT team_id, id FROM goals ORDER BY id LIMIT 1) g;
INSERT INTO follows SELECT gen_random_uuid(), a.id, p.team_id, NULL, NULL, p.id, now()
FROM accounts a, (SELECT team_id, id FROM projects ORDER BY id LIMIT 1) p;
-- the last move of a task was undone
INSERT INTO events (team_id, seq, change_id, task_id, actor_id, kind, before, after, version, at, undoes, is_undone)
SELECT e.team_id, t.seq + 1, gen_random_uuid(), e.task_id, e.actor_id, e.kind, e.after, e.before, e.version + 1, now(), e.seq, true
FROM teams t JOIN LATERAL (SELECT * FROM events e WHERE e.team_id = t.id AND kind = 'task.moved' ORDER BY seq DESC LIMIT 1) e ON true;
UPDATE events e SET is_undone = true FROM events u WHERE u.team_id = e.team_id AND u.undoes = e.seq;
UPDATE teams SET seq = seq + 1;

DO $$
DECLARE
    place record;
    filled boolean;
BEGIN
    FOR place IN SELECT table_name AS t, column_name AS c FROM information_schema.columns
                 JOIN information_schema.tables USING (table_schema, table_name)
                 WHERE table_schema = 'public' AND table_type = 'BASE TABLE' LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE %I IS NOT NULL)', place.t, place.c) INTO filled;
        IF NOT filled THEN
            RAISE EXCEPTION 'no row has a value in %.%', place.t, place.c;
        END IF;
    END LOOP;
END $$;
