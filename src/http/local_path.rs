//! Validation of redirect targets.

/// Returns `path` if it is a path on this server, and `otherwise` if not: an open redirect would
/// send readers to another site.
pub(crate) fn local_path<'p>(path: &'p str, otherwise: &'p str) -> &'p str {
    let plain = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains(|char: char| char == '\\' || char.is_control());
    if plain { path } else { otherwise }
}
