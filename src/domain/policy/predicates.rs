//! SQL conditions for access: whether an account can see a team, and whether it can still change
//! it. Every query that crosses teams includes one of them.

/// Condition: the account (a query parameter) may see team `t`, because the team is open or the
/// account is a member. For queries over several teams; a page of one team calls `team`. `of` sets
/// another alias for the team. The second parameter, `Change::reach`, also limits the teams to
/// those of the token.
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

/// Condition: a session `s` may do nothing but set up a second factor, because the workspace requires one. A session
/// that a provider vouched for may be exempt.
macro_rules! lacks_second_factor {
    () => {
        "(SELECT own.second_factor_required AND NOT (s.is_by_provider AND own.provider_is_second_factor) AND NOT EXISTS (
             SELECT FROM second_factors f WHERE f.account_id = s.account_id AND f.enabled_at IS NOT NULL) FROM workspace own)"
    };
}
pub(crate) use lacks_second_factor;

/// Condition: every viewer may see the team's name, because the team is open.
macro_rules! named_to_all {
    ($team:literal) => {
        concat!("NOT ", $team, ".private")
    };
}
pub(crate) use named_to_all;

/// Condition: everyone who can see the team `$beside` may see this team's name, because it is open
/// or the same team.
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

/// Subquery: the id of the team that has, or formerly had, this key. Former keys are never
/// reassigned.
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

/// Condition: the account still has the role that the change requires. It is checked in the last
/// statement of the transaction, when all rows are locked, so that an account that was removed,
/// demoted or deactivated in the meantime cannot commit. The parameters are team, account (NULL for
/// the program itself) and the name of a `RequiredRole`.
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
