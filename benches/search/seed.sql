-- 20 teams with 200,000 tasks, 400,000 steps and 1,000,000 comments. Their words are as frequent as those of a natural
-- language: the rank of a word among 20,000 is exponential.
CREATE TABLE vocabulary (n integer PRIMARY KEY, word text);
INSERT INTO vocabulary
SELECT n, (SELECT string_agg(substr('bcdfghklmnprstvwz', 1 + (n * 7 + i * i * 13 + n / 17 * i) % 17, 1)
                             || substr('aeiou', 1 + (n * 3 + i * 11 + n / 5) % 5, 1), '')
           FROM generate_series(1, 2 + n % 3) i)
FROM generate_series(0, 19999) n;

CREATE FUNCTION sentence(words integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    sentence text := '';
    next text;
    place integer;
BEGIN
    FOR i IN 1..words LOOP
        place := least(19999, floor(power(20000, random()))::integer - 1);
        SELECT word INTO next FROM vocabulary WHERE n = place;
        sentence := sentence || next || ' ';
    END LOOP;
    RETURN rtrim(sentence) || '.';
END $$;
CREATE TABLE sentences AS SELECT n, sentence(10) AS text FROM generate_series(0, 99999) n;
ALTER TABLE sentences ADD PRIMARY KEY (n);
ANALYZE vocabulary, sentences;

CREATE FUNCTION some_text(count integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    written text := '';
    next text;
    place integer;
BEGIN
    FOR i IN 1..count LOOP
        place := floor(random() * 100000)::integer;
        SELECT text INTO next FROM sentences WHERE n = place;
        written := written || next || ' ';
    END LOOP;
    RETURN rtrim(written);
END $$;
-- The later, the larger, as those of the program.
CREATE FUNCTION id_of(n bigint) RETURNS uuid IMMUTABLE LANGUAGE sql AS $$
    SELECT (lpad(to_hex(1700000000000 + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid
$$;

INSERT INTO teams (id, slug, name, key, created_at, last_number)
SELECT id_of(n), 'team-' || n, 'Team ' || n, 'T' || n, now(), 10000 FROM generate_series(1, 20) n;
INSERT INTO members (team_id, account_id, role, since) SELECT id_of(1), id, 'member', now() FROM accounts WHERE role = 'admin';
INSERT INTO columns (team_id, id, slug, name, state, position)
SELECT id_of(t), id_of(t * 100 + place), state, state, state, place
FROM generate_series(1, 20) t, unnest('{todo,doing,blocked,review,done}'::text[]) WITH ORDINALITY AS states (state, place);

-- Most are archived, the newest 10,000 of them are on boards.
DO $$
BEGIN
    FOR part IN 0..19 LOOP
        INSERT INTO tasks (team_id, id, number, column_id, rank, title, description, created_at, column_since, archived_at)
        SELECT id_of(1 + n % 20), id_of(100000 + n), 1 + n / 20, id_of((1 + n % 20) * 100 + 1 + n / 20 % 5),
               CASE WHEN n >= 190000 THEN 'a' || lpad(n::text, 8, '1') || '1' END, left(some_text(1), 60), some_text(4),
               now() - (200000 - n) * interval '4 minutes', now() - (200000 - n) * interval '4 minutes',
               CASE WHEN n < 190000 THEN now() END
        FROM generate_series(part * 10000, part * 10000 + 9999) n;
        -- the checks of foreign keys are planned once for the rest
        IF part = 0 THEN
            ANALYZE tasks;
        END IF;
    END LOOP;
END $$;
INSERT INTO steps (team_id, id, task_id, position, text)
SELECT id_of(1 + n / 2 % 20), id_of(50000000 + n), id_of(100000 + n / 2), n % 2, left(some_text(1), 60)
FROM generate_series(0, 399999) n;
INSERT INTO comments (team_id, id, task_id, body, created_at)
SELECT id_of(1 + n / 5 % 20), id_of(10000000 + n), id_of(100000 + n / 5), some_text(2), now() - (1000000 - n) * interval '48 seconds'
FROM generate_series(0, 999999) n;
