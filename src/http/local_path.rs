//! Addresses that lead back to a page of this server.

/// A path on this server, for going back to: anything else becomes the other.
pub fn local_path<'p>(path: &'p str, otherwise: &'p str) -> &'p str {
    let plain = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains(|char: char| char == '\\' || char.is_control());
    if plain { path } else { otherwise }
}
