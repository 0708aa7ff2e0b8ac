//! A task as a card, over the board, and as a page of its own; and the forms that change it.

mod card;
mod changing;
mod editing;
mod foot;
mod form;
mod making;
mod placing;
mod saying;
mod several;
mod task;

pub use card::CardHtml;
pub use changing::{archive, own, restore, set_owners};
pub use editing::edit;
pub(super) use editing::{goal_named, project_named, sprint_named};
pub use making::{create, new_form};
pub use placing::{block, block_form, end_wait, move_form, move_task, unblock};
pub use saying::{
    add_comment, add_step, ask_for_help, delete_comment, edit_comment, preview, remove_step,
    tick_step,
};
pub use several::{change_several, list, undo};
pub use task::task;
