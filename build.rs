//! Strips layout whitespace from the templates, and makes cargo rebuild on a new migration: the
//! macro that reads migrations notices edits, but not a new file. Templates have one element a
//! line; browsers get none of that whitespace. askama's whitespace control cannot take out a line
//! break between two HTML tags, so each line break with its indentation is wrapped into an askama
//! comment, which is not rendered. Lines keep their numbers, so that askama's errors point at the
//! right one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

const SOURCE: &str = "templates";
/// The directory that askama.toml names.
const BUILT: &str = "target/templates";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed={SOURCE}");
    let sources = files(Path::new(SOURCE))?;
    for source in &sources {
        let built = Path::new(BUILT).join(source.strip_prefix(SOURCE).unwrap_or(source));
        // a missing file makes cargo run this script again
        println!("cargo:rerun-if-changed={}", built.display());
        write_if_changed(&built, source)?;
    }
    for built in files(Path::new(BUILT))? {
        let source = Path::new(SOURCE).join(built.strip_prefix(BUILT).unwrap_or(&built));
        if !sources.contains(&source) {
            fs::remove_file(built)?;
        }
    }
    Ok(())
}

/// All files below a directory.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                found.extend(files(&path)?);
            } else {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// Writes to a temporary name and renames, so that no other build reads half a file. The file gets
/// its source's modification time: a newer one would look to cargo like an edit after the build.
fn write_if_changed(built: &Path, source: &Path) -> io::Result<()> {
    let content = without_layout(&fs::read_to_string(source)?);
    if fs::read_to_string(built).is_ok_and(|before| before == content) {
        return Ok(());
    }
    if let Some(folder) = built.parent() {
        fs::create_dir_all(folder)?;
    }
    let partial = built.with_extension(std::process::id().to_string());
    fs::write(&partial, content)?;
    fs::File::options()
        .write(true)
        .open(&partial)?
        .set_modified(fs::metadata(source)?.modified()?)?;
    fs::rename(partial, built)
}

const BLANK: [char; 4] = [' ', '\t', '\r', '\n'];

/// Wraps each line break that is layout into a comment. As in JSX, nothing is left of one that is
/// beside a tag or a block (`{% %}`), and one between words is a space. Inside a tag it is a space
/// too, but for one before `>` or a block. Expressions, quoted values, and what is in elements
/// whose whitespace counts stay as they are.
fn without_layout(source: &str) -> String {
    let mut out = String::with_capacity(2 * source.len());
    let mut rest = source;
    let (mut tag, mut is_beside_tag) = (None, true);
    while let Some(first) = rest.chars().next() {
        let blank = rest.len() - rest.trim_start_matches(BLANK).len();
        let length = if let Some(length) = expression(rest) {
            is_beside_tag = is_block(rest);
            length
        } else if blank > 0 {
            let (gap, next) = rest.split_at(blank);
            if gap.contains('\n') {
                let is_dropped = match tag {
                    Some(_) => next.starts_with('>') || next.starts_with("/>") || is_block(next),
                    None => is_beside_tag || next.is_empty() || is_tag(next) || is_block(next),
                };
                out.push_str(if is_dropped { "{#" } else { " {#" });
                out.push_str(gap);
                out.push_str("#}");
                rest = next;
                continue;
            }
            blank
        } else if let Some(name) = tag {
            match first {
                '"' => quoted(rest),
                '>' => {
                    (tag, is_beside_tag) = (None, true);
                    1 + verbatim(name, &rest[1..])
                }
                _ => first.len_utf8(),
            }
        } else if is_tag(rest) {
            let name = rest[1..].split(|c: char| !c.is_ascii_alphanumeric()).next();
            tag = name;
            1
        } else {
            is_beside_tag = false;
            first.len_utf8()
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

fn is_tag(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next() == Some('<')
        && chars
            .next()
            .is_some_and(|next| next.is_ascii_alphabetic() || "/!?".contains(next))
}

/// A block, a comment, or a call of a macro in `templates/components.html`, which renders an
/// element.
fn is_block(text: &str) -> bool {
    ["{%", "{#", "{{ ui::"]
        .iter()
        .any(|start| text.starts_with(start))
}

/// The length of the expression, block or comment at the start of the text.
fn expression(text: &str) -> Option<usize> {
    let (end, has_strings) = match text.get(..2)? {
        "{{" => ("}}", true),
        "{%" => ("%}", true),
        "{#" => ("#}", false),
        _ => return None,
    };
    let mut at = 2;
    while !text[at..].starts_with(end) {
        let next = text[at..].chars().next()?;
        at += if has_strings && next == '"' {
            quoted(&text[at..])
        } else {
            next.len_utf8()
        };
    }
    Some(at + end.len())
}

/// The length of a quoted value, with its expressions.
fn quoted(text: &str) -> usize {
    let mut at = 1;
    while let Some(next) = text[at..].chars().next() {
        if next == '"' {
            return at + 1;
        }
        at += expression(&text[at..]).unwrap_or(next.len_utf8());
    }
    at
}

/// How much of the text is the content of an element whose whitespace counts.
fn verbatim(name: &str, text: &str) -> usize {
    match name {
        "pre" | "textarea" | "script" | "style" => text.find(&format!("</{name}")).unwrap_or(0),
        _ => 0,
    }
}
