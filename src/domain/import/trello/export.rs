//! Parts of a Trello export that several parsers need.

use std::{collections::HashMap, sync::Arc};

use anyhow::Result;

use crate::domain::import::{draft::ExternalUser, json::Node, sanitize};

pub(crate) fn external_user(member: &Node) -> Result<ExternalUser> {
    Ok(ExternalUser {
        name: sanitize::line(member.text("fullName")?, 100).0,
        username: sanitize::line(member.text("username")?, 100).0,
    })
}

/// The position among its siblings; at the end if it has none. Equal positions keep the file's
/// order.
pub(crate) fn place(node: &Node) -> f64 {
    node.loose_number("pos").unwrap_or(f64::INFINITY)
}

/// Lists by id: their index in the draft.
pub(crate) type Lists = HashMap<String, usize>;

/// Members by id.
pub(crate) type People = HashMap<String, Arc<ExternalUser>>;
