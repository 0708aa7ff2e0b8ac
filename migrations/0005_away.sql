-- Days on which somebody is away, from one to another: what a team plans with goes by them.
CREATE TABLE away (
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    from_day   date NOT NULL,
    to_day     date NOT NULL,
    PRIMARY KEY (account_id, from_day),
    CONSTRAINT away_order CHECK (to_day >= from_day),
    CONSTRAINT away_length CHECK (to_day - from_day <= 365)
);
