//! The pages of teams: boards, tasks, meetings, sprints, goals and projects.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post, put},
};

use crate::{app::App, http::pages};

/// The routes of these pages.
pub(super) fn routes() -> Router<App> {
    use pages::boards::{
        cards::{cards as board_cards, counts, further_cards},
        forms as board_forms,
    };
    use pages::flow::page as flow;
    use pages::{
        checkin, help, inbox, projects, reference, search, sprints, standup, tasks, teams,
    };
    Router::new()
        .route("/", get(teams::my_work))
        .route("/inbox", get(inbox::inbox))
        .route("/inbox/read", post(inbox::mark_all))
        .route("/inbox/{id}", get(inbox::open).post(inbox::change))
        .route("/help", get(help::contents))
        .route("/help/{page}", get(help::guide))
        .route("/help/api", get(reference::contents))
        .route("/help/api/{page}", get(reference::resource))
        .route("/search", get(search::search))
        .route("/teams", get(teams::list_teams))
        .route("/people/{handle}", get(teams::person))
        .route("/teams/{slug}/cards", get(board_cards))
        .route("/teams/{slug}/cards/more", get(further_cards))
        .route("/teams/{slug}/cards/counts", get(counts))
        .route(
            "/teams/{slug}/filters/{id}/delete",
            post(board_forms::delete_filter),
        )
        .route(
            "/teams/{slug}/columns/{column}/limit",
            get(board_forms::limit_form).post(board_forms::set_limit),
        )
        .route("/teams/{slug}/suggestions", get(search::suggest))
        .route("/teams/{slug}/bulk", post(tasks::edit_tasks))
        .route("/teams/{slug}/flow", get(flow::flow))
        .route("/teams/{slug}/flow/{file}", get(flow::chart_csv))
        .route("/teams/{slug}/tasks", get(tasks::list).post(tasks::create))
        .route("/teams/{slug}/tasks.csv", get(tasks::tasks_csv))
        .route("/teams/{slug}/tasks/new", get(tasks::new_form))
        .route("/tasks/{key}", get(tasks::task).post(tasks::edit))
        .route(
            "/tasks/{key}/position",
            put(tasks::move_task).post(tasks::move_task),
        )
        .route("/tasks/{key}/move", get(tasks::move_form))
        .route("/tasks/{key}/descriptions", get(tasks::descriptions))
        .route(
            "/tasks/{key}/block",
            get(tasks::block_form)
                .put(tasks::block)
                .post(tasks::block)
                .delete(tasks::unblock),
        )
        .route("/tasks/{key}/unblock", post(tasks::unblock))
        .route("/tasks/{key}/blockers/{id}/end", post(tasks::end_wait))
        .route("/tasks/{key}/owners", post(tasks::set_owners))
        .route("/tasks/{key}/owners/me", post(tasks::assign_me))
        .route("/tasks/{key}/archive", post(tasks::archive))
        .route("/tasks/{key}/restore", post(tasks::restore))
        .route("/tasks/{key}/ask-for-help", post(tasks::ask_for_help))
        .route("/tasks/{key}/steps", post(tasks::add_step))
        .route("/tasks/{key}/steps/{id}", post(tasks::tick_step))
        .route("/tasks/{key}/steps/{id}/remove", post(tasks::remove_step))
        .route("/tasks/{key}/comments", post(tasks::add_comment))
        .route("/tasks/{key}/comments/{id}", post(tasks::edit_comment))
        .route(
            "/tasks/{key}/comments/{id}/delete",
            post(tasks::delete_comment),
        )
        .route(
            "/tasks/{key}/attachments",
            post(tasks::add_attachments).layer(DefaultBodyLimit::disable()),
        )
        .route("/tasks/{key}/cover", post(tasks::set_cover))
        .route(
            "/tasks/{key}/attachments/{id}/delete",
            post(tasks::delete_attachment),
        )
        .route(
            "/teams/{slug}/settings/imports",
            get(teams::imports_of_team)
                .post(teams::upload_import)
                .layer(DefaultBodyLimit::disable()),
        )
        .route(
            "/teams/{slug}/settings/imports/{id}",
            get(teams::import_of_team).post(teams::confirm_import),
        )
        .route(
            "/teams/{slug}/settings/imports/{id}/undo",
            post(teams::undo_import),
        )
        .route(
            "/teams/{slug}/settings/imports/{id}/discard",
            post(teams::discard_import),
        )
        .route("/teams/{slug}/goals", post(sprints::add_goal))
        .route("/teams/{slug}/goals/new", get(sprints::new_goal_form))
        .route(
            "/teams/{slug}/goals/{id}",
            get(sprints::goal).post(sprints::edit_goal),
        )
        .route(
            "/teams/{slug}/goals/{id}/progress",
            post(sprints::enter_progress),
        )
        .route(
            "/teams/{slug}/goals/{id}/order",
            post(sprints::reorder_goal),
        )
        .route(
            "/teams/{slug}/goals/{id}/remove",
            post(sprints::remove_goal),
        )
        .route(
            "/teams/{slug}/sprints/{number}/close",
            get(sprints::close_form).post(sprints::close),
        )
        .route(
            "/teams/{slug}/sprints/{number}/reopen",
            post(sprints::reopen),
        )
        .route(
            "/teams/{slug}/planning",
            get(sprints::planning).post(sprints::plan_tasks),
        )
        .route("/teams/{slug}/retro", get(sprints::latest_retro))
        .route("/standup", get(standup::joint_standup))
        .route("/teams/{slug}/standup", get(standup::standup))
        .route("/teams/{slug}/standup/walk", get(standup::walk))
        .route("/teams/{slug}/topics/{id}", post(standup::tick_topic))
        .route(
            "/teams/{slug}/topics/{id}/remove",
            post(standup::remove_topic),
        )
        .route("/teams/{slug}/actions/{id}", post(standup::resolve_action))
        .route(
            "/teams/{slug}/actions/{id}/task",
            post(standup::convert_to_task),
        )
        .route("/sprints/{number}/retro", get(sprints::retro))
        .route("/sprints", get(sprints::sprints).post(sprints::set_cadence))
        .route(
            "/sprints/{number}",
            get(sprints::pitch).post(sprints::edit_sprint),
        )
        .route("/sprints/continue", post(sprints::continue_sprints))
        .route("/sprints/{number}/skip", post(sprints::skip_sprint))
        .route(
            "/teams/{slug}/about",
            get(teams::about).post(teams::edit_about),
        )
        .route(
            "/teams/{slug}/objectives/{id}/remove",
            post(projects::remove_objective),
        )
        .route(
            "/teams/{slug}/key-results/{id}/remove",
            post(projects::remove_key_result),
        )
        .route("/teams/{slug}/settings", get(teams::settings))
        .route(
            "/teams/{slug}/settings/chat",
            get(teams::chat).post(teams::set_chat),
        )
        .route("/teams/{slug}/settings/chat/test", post(teams::test_chat))
        .route(
            "/teams/{slug}/settings/chat/remove",
            post(teams::remove_chat),
        )
        .route("/teams/{slug}/members", post(teams::set_member))
        .route("/teams/{slug}/columns", post(teams::add_column))
        .route("/teams/{slug}/columns/{column}", post(teams::edit_column))
        .route(
            "/teams/{slug}/columns/{column}/remove",
            get(teams::remove_column_form).post(teams::remove_column),
        )
        .route("/teams/{slug}/labels/{id}", post(teams::edit_label))
        .route("/teams/{slug}/share-links", post(teams::create_share_link))
        .route(
            "/teams/{slug}/share-links/{id}/revoke",
            post(teams::revoke_share_link),
        )
        .route("/teams/{slug}/public", post(teams::set_public))
        .route("/teams/{slug}/history", get(teams::history))
        .route("/teams/{slug}/visibility", post(teams::set_visibility))
        .route("/teams/{slug}/agents", post(teams::set_agents))
        .route("/teams/{slug}/name", post(teams::rename))
        .route("/teams/{slug}/schedule", post(teams::set_week))
        .route("/teams/{slug}/days-off", post(teams::add_day_off))
        .route(
            "/teams/{slug}/days-off/{day}/remove",
            post(teams::remove_day_off),
        )
        .route(
            "/projects",
            get(projects::projects).post(projects::add_project),
        )
        .route(
            "/projects/{slug}",
            get(projects::project).post(projects::edit_project),
        )
        .route("/projects/{slug}/cards", get(projects::board_cards))
        .route("/projects/{slug}/finish", post(projects::finish_project))
        .route("/projects/{slug}/milestones", post(projects::add_milestone))
        .route(
            "/projects/{slug}/milestones/{id}",
            post(projects::edit_milestone),
        )
        .route(
            "/projects/{slug}/milestones/{id}/order",
            post(projects::reorder_milestone),
        )
        .route(
            "/projects/{slug}/milestones/{id}/reach",
            post(projects::reach_milestone),
        )
        .route(
            "/projects/{slug}/milestones/{id}/remove",
            post(projects::delete_milestone),
        )
        .route("/teams/{slug}/requests", get(checkin::list_requests))
        .route("/teams/{slug}/requests", post(checkin::create_request))
        .route(
            "/teams/{slug}/requests/{id}/withdraw",
            post(checkin::withdraw_request),
        )
        .route("/teams/{slug}/follow", post(checkin::follow_team))
        .route("/tasks/{key}/follow", post(checkin::follow_task))
        .route(
            "/teams/{slug}/goals/{id}/follow",
            post(checkin::follow_goal),
        )
        .route("/projects/{slug}/follow", post(checkin::follow_project))
        .route("/changes/{id}/undo", post(tasks::undo))
        .route("/preview", post(tasks::preview))
}
