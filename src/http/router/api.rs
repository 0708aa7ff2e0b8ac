//! The routes of the JSON API.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::from_fn,
    routing::{delete, get, patch, post, put},
};

use crate::{
    app::App,
    http::{
        api::{
            openapi, respond,
            v1::{
                actions, attachments, boards, columns, comments, events, filters, follows,
                goal_comments, goals, inbox, labels, me, members, milestones, project_tasks,
                projects, requests, retro_notes, schedule, search, share_links, sprint_close,
                sprints, standup, steps, task_lists, tasks, teams, topics,
            },
        },
        pages::checkin::check_in_json,
    },
};

/// The routes under `/api/v1`.
pub(super) fn routes() -> Router<App> {
    of_workspace()
        .merge(of_team())
        .merge(of_projects_and_tasks())
        .route_layer(from_fn(respond))
}

/// Of the reader and the workspace.
fn of_workspace() -> Router<App> {
    Router::new()
        .route("/me", get(me::get))
        .route("/follows", get(follows::list))
        .route("/inbox", get(inbox::list))
        .route("/inbox/read", post(inbox::mark_all))
        .route("/inbox/{id}", patch(inbox::edit))
        .route("/search", get(search::search))
        .route("/teams", get(teams::list).post(teams::create))
        .route("/sprints", get(sprints::list))
        .route("/sprints/continue", post(sprints::continue_sprints))
        .route("/sprints/{number}", get(sprints::get).patch(sprints::edit))
        .route("/sprints/{number}/skip", post(sprints::skip))
        .route("/openapi.json", get(openapi::document))
}

/// Of one team.
fn of_team() -> Router<App> {
    Router::new()
        .route("/teams/{slug}", get(teams::get).patch(teams::edit))
        .route("/teams/{slug}/board", get(boards::board))
        .route(
            "/teams/{slug}/tasks",
            get(task_lists::list).post(tasks::create),
        )
        .route("/teams/{slug}/events", get(events::events))
        .route("/teams/{slug}/standup", get(standup::standup))
        .route("/teams/{slug}/check-in", get(check_in_json))
        .route(
            "/teams/{slug}/follow",
            put(follows::follow_team).delete(follows::unfollow_team),
        )
        .route("/teams/{slug}/members", get(members::list))
        .route(
            "/teams/{slug}/members/{handle}",
            put(members::set).delete(members::remove),
        )
        .route(
            "/teams/{slug}/schedule",
            get(schedule::get).patch(schedule::edit),
        )
        .route("/teams/{slug}/days-off", get(schedule::days_off))
        .route(
            "/teams/{slug}/days-off/{day}",
            put(schedule::add_day_off).delete(schedule::remove_day_off),
        )
        .route(
            "/teams/{slug}/columns",
            get(columns::list).post(columns::create),
        )
        .route(
            "/teams/{slug}/columns/{column}",
            patch(columns::edit).delete(columns::remove),
        )
        .route(
            "/teams/{slug}/columns/{column}/position",
            put(columns::reorder),
        )
        .route(
            "/teams/{slug}/columns/{column}/tasks",
            get(task_lists::column_tasks),
        )
        .route("/teams/{slug}/labels", get(labels::list))
        .route(
            "/teams/{slug}/labels/{id}",
            patch(labels::edit).delete(labels::remove),
        )
        .route(
            "/teams/{slug}/filters",
            get(filters::list).post(filters::create),
        )
        .route("/teams/{slug}/filters/{id}", delete(filters::remove))
        .route(
            "/teams/{slug}/share-links",
            get(share_links::list).post(share_links::create),
        )
        .route(
            "/teams/{slug}/share-links/{id}",
            delete(share_links::revoke),
        )
        .route("/teams/{slug}/goals", get(goals::list).post(goals::create))
        .route(
            "/teams/{slug}/goals/{id}",
            get(goals::get).patch(goals::edit).delete(goals::remove),
        )
        .route(
            "/teams/{slug}/goals/{id}/progress",
            put(goals::set_progress),
        )
        .route("/teams/{slug}/goals/{id}/position", put(goals::reorder))
        .route(
            "/teams/{slug}/goals/{id}/follow",
            put(follows::follow_goal).delete(follows::unfollow_goal),
        )
        .route(
            "/teams/{slug}/goals/{id}/comments",
            get(goal_comments::list).post(goal_comments::add),
        )
        .route(
            "/teams/{slug}/goal-comments/{id}",
            delete(goal_comments::remove),
        )
        .route(
            "/teams/{slug}/goal-comments/{id}/answer",
            put(goal_comments::answer),
        )
        .route("/teams/{slug}/sprints", get(sprints::of_team))
        .route(
            "/teams/{slug}/sprints/{number}/close",
            post(sprint_close::close),
        )
        .route(
            "/teams/{slug}/sprints/{number}/reopen",
            post(sprint_close::reopen),
        )
        .route(
            "/teams/{slug}/sprints/{number}/retro-notes",
            get(retro_notes::list).post(retro_notes::create),
        )
        .route(
            "/teams/{slug}/retro-notes/{id}",
            patch(retro_notes::edit).delete(retro_notes::remove),
        )
        .route(
            "/teams/{slug}/topics",
            get(topics::list).post(topics::create),
        )
        .route(
            "/teams/{slug}/topics/{id}",
            patch(topics::edit).delete(topics::remove),
        )
        .route(
            "/teams/{slug}/actions",
            get(actions::list).post(actions::create),
        )
        .route("/teams/{slug}/actions/{id}", patch(actions::edit))
        .route("/teams/{slug}/actions/{id}/task", post(actions::make_task))
        .route(
            "/teams/{slug}/requests",
            get(requests::list).post(requests::create),
        )
        .route("/teams/{slug}/requests/{id}", delete(requests::withdraw))
        .route("/teams/{slug}/requests/{id}/answer", put(requests::answer))
}

/// Of projects and tasks.
fn of_projects_and_tasks() -> Router<App> {
    Router::new()
        .route("/projects", get(projects::list).post(projects::create))
        .route("/projects/{slug}", get(projects::get).patch(projects::edit))
        .route(
            "/projects/{slug}/finished",
            put(projects::finish).delete(projects::resume),
        )
        .route(
            "/projects/{slug}/follow",
            put(follows::follow_project).delete(follows::unfollow_project),
        )
        .route("/projects/{slug}/tasks", get(project_tasks::list))
        .route(
            "/projects/{slug}/tasks/{key}",
            put(project_tasks::add).delete(project_tasks::remove),
        )
        .route(
            "/projects/{slug}/milestones",
            get(milestones::list).post(milestones::create),
        )
        .route(
            "/projects/{slug}/milestones/{id}",
            patch(milestones::edit).delete(milestones::remove),
        )
        .route(
            "/projects/{slug}/milestones/{id}/position",
            put(milestones::reorder),
        )
        .route(
            "/projects/{slug}/milestones/{id}/reached",
            put(milestones::reach).delete(milestones::reopen),
        )
        .route(
            "/tasks/{key}",
            get(tasks::get).patch(tasks::patch).delete(tasks::delete),
        )
        .route("/tasks/{key}/restore", post(tasks::restore))
        .route("/tasks/{key}/position", put(tasks::position))
        .route(
            "/tasks/{key}/block",
            put(tasks::block).delete(tasks::unblock),
        )
        .route("/tasks/{key}/owners", put(tasks::owners))
        .route(
            "/tasks/{key}/follow",
            put(follows::follow_task).delete(follows::unfollow_task),
        )
        .route("/tasks/{key}/ask-for-help", post(topics::ask_for_help))
        .route("/tasks/{key}/steps", get(steps::list).post(steps::add))
        .route(
            "/tasks/{key}/steps/{id}",
            patch(steps::edit).delete(steps::remove),
        )
        .route(
            "/tasks/{key}/attachments",
            get(attachments::list)
                .post(attachments::add)
                .layer(DefaultBodyLimit::disable()),
        )
        .route("/tasks/{key}/attachments/{id}", delete(attachments::remove))
        .route(
            "/tasks/{key}/comments",
            get(comments::list).post(comments::add),
        )
        .route(
            "/tasks/{key}/comments/{id}",
            patch(comments::edit).delete(comments::remove),
        )
}
