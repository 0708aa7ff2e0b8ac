//! Pages of tasks: the card, the dialog, the task page, and their forms.

pub mod assign;
pub mod attached_file;
pub mod attachments;
pub mod bulk;
pub mod card;
pub mod change_form;
pub mod comments;
pub mod descriptions;
pub mod edit;
pub mod flash;
pub mod form;
pub mod move_and_block;
pub mod new;
pub mod pull_requests;
pub mod rejected_form;
pub mod respond;
pub mod table;
pub mod task;
pub mod url_query;

pub use crate::http::pages::tasks::assign::{archive, assign_me, restore, set_owners};
pub(crate) use crate::http::pages::tasks::attached_file::serve_thumbnail;
pub use crate::http::pages::tasks::attached_file::{attached_file, thumbnail};
pub use crate::http::pages::tasks::attachments::{add_attachments, delete_attachment, set_cover};
pub use crate::http::pages::tasks::bulk::{edit_tasks, list, undo};
pub use crate::http::pages::tasks::card::CardHtml;
pub use crate::http::pages::tasks::comments::{
    add_comment, add_step, ask_for_help, delete_comment, edit_comment, preview, remove_step,
    tick_step,
};
pub use crate::http::pages::tasks::descriptions::descriptions;
pub use crate::http::pages::tasks::edit::edit;
pub(crate) use crate::http::pages::tasks::edit::{goal_named, project_named, sprint_named};
pub use crate::http::pages::tasks::move_and_block::{
    block, block_form, end_wait, move_form, move_task, unblock,
};
pub use crate::http::pages::tasks::new::{create, new_form};
pub(crate) use crate::http::pages::tasks::pull_requests::unlink_pull_request;
pub(crate) use crate::http::pages::tasks::table::tasks_csv;
pub use crate::http::pages::tasks::task::task;
