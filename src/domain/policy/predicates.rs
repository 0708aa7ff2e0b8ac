//! Conditions of SQL queries that decide who may know of a team, and who may still change it. Every query that crosses
//! teams includes one of these.

/// The condition that an account, a parameter of the query, may look at the team `t`: it is open, or the account's own.
/// For queries over several teams; a page of one asks `team`. With `of`, the query calls the team otherwise. With a
/// second parameter, `Change::reach`, it is one of the teams that a token is for, too.
macro_rules! seen_by {
    (of $team:literal, $account:literal) => {
        concat!(
            "(NOT ",
            $team,
            ".private OR EXISTS (SELECT FROM members seen WHERE seen.team_id = ",
            $team,
            ".id AND seen.account_id = ",
            $account,
            "))"
        )
    };
    ($account:literal, $reach:literal) => {
        concat!(
            "(",
            $reach,
            "::uuid[] IS NULL OR t.id = ANY(",
            $reach,
            ")) AND ",
            seen_by!($account)
        )
    };
    ($account:literal) => {
        seen_by!(of "t", $account)
    };
}
pub(crate) use seen_by;

/// The condition that a team may be named to everybody, whichever team's page they look at: it is open.
macro_rules! named_to_all {
    ($team:literal) => {
        concat!("NOT ", $team, ".private")
    };
}
pub(crate) use named_to_all;

/// The condition that a team may be named to everybody who looks at another: it is open, or it is that one.
macro_rules! named_beside {
    ($team:literal, $beside:literal) => {
        concat!(
            "(NOT ",
            $team,
            ".private OR ",
            $team,
            ".id = ",
            $beside,
            ")"
        )
    };
}
pub(crate) use named_beside;

/// The team whose tasks' keys begin so, or did once: such a key is never another team's.
macro_rules! of_key {
    ($key:literal) => {
        concat!(
            "coalesce((SELECT id FROM teams WHERE key = ",
            $key,
            "), (SELECT team_id FROM former_keys WHERE key = ",
            $key,
            "))"
        )
    };
}
pub(crate) use of_key;

/// The condition that an account still may what it was let in for, asked once more as the last statement of its change,
/// with everything locked: who was taken off a team, leads it no more or was deactivated meanwhile changes nothing. Team,
/// account, and whom it takes, as `RequiredRole` says, are parameters; nobody is the program itself.
macro_rules! still_may {
    ($team:literal, $account:literal, $takes:literal) => {
        concat!(
            "(",
            $account,
            "::uuid IS NULL OR EXISTS (SELECT FROM accounts a WHERE a.id = ",
            $account,
            " AND a.deactivated_at IS NULL AND (",
            $takes,
            " = 'anybody' OR a.role = 'admin' OR a.role <> 'viewer' AND EXISTS (SELECT FROM members m WHERE m.team_id = ",
            $team,
            " AND m.account_id = a.id AND (m.role = 'lead' OR ",
            $takes,
            " <> 'lead')))))"
        )
    };
}
pub(crate) use still_may;
