//! Rewrites parsed Markdown before it becomes HTML.

use pulldown_cmark::{CowStr, Event, LinkType, Tag, TagEnd};

use crate::domain::markdown::links::{Links, link_words};

/// A link or image that is open.
struct Open {
    end: TagEnd,
    /// What is written after its text, because the target cannot be a link.
    target: Option<String>,
    /// Whether it is rendered as a link, and whether it or one around it is.
    is_link: bool,
    is_within_link: bool,
    /// An image without a description is shown by its address.
    shows_address: Option<String>,
}

/// Replaces what is not rendered as it is: raw HTML by its text, images by links, links that lead nowhere by their
/// text and target, checkboxes by symbols; and links keys and mentions.
pub(super) fn rewrite<'t>(
    mut parser: impl Iterator<Item = Event<'t>>,
    links: &Links,
) -> Vec<Event<'t>> {
    let mut events = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut in_code = false;
    let mut footnotes: Vec<String> = Vec::new();
    while let Some(event) = parser.next() {
        if let (Some(open), false) = (open.last_mut(), matches!(event, Event::End(_))) {
            open.shows_address = None;
        }
        match event {
            Event::Html(raw) | Event::InlineHtml(raw) => events.push(Event::Text(raw)),
            Event::Start(Tag::Link {
                dest_url, title, ..
            }) => {
                open_link(&dest_url, title, TagEnd::Link, &mut open, &mut events);
            }
            Event::Start(Tag::Image {
                dest_url, title, ..
            }) => {
                if is_attachment(&dest_url) {
                    let is_inside = open.last().is_some_and(|open| open.is_within_link);
                    events.push(picture(&dest_url, is_inside));
                    ends_picture(&mut parser, &mut events, is_inside);
                } else {
                    open_link(&dest_url, title, TagEnd::Image, &mut open, &mut events);
                }
            }
            Event::End(end @ (TagEnd::Link | TagEnd::Image)) => {
                if let Some(closed) = open.pop().filter(|open| open.end == end) {
                    close_link(closed, &mut events);
                }
            }
            Event::Start(tag @ Tag::CodeBlock(_)) => {
                in_code = true;
                events.push(Event::Start(tag));
            }
            Event::End(tag @ TagEnd::CodeBlock) => {
                in_code = false;
                events.push(Event::End(tag));
            }
            Event::Text(text) if !in_code && open.is_empty() => {
                link_words(&text, links, &mut events);
            }
            Event::FootnoteReference(name) => {
                let mark = footnote_mark(&name, &mut footnotes);
                events.push(Event::InlineHtml(mark.into()));
            }
            Event::Start(Tag::FootnoteDefinition(name)) => {
                let mark = footnote_mark(&name, &mut footnotes);
                events.push(Event::Html(format!("<div>{mark} ").into()));
            }
            Event::End(TagEnd::FootnoteDefinition) => {
                events.push(Event::Html(CowStr::from("</div>")));
            }
            // A checkbox that cannot be checked is rendered as a symbol, not as an input.
            Event::TaskListMarker(done) => events.push(Event::Text(CowStr::from(if done {
                "☑ "
            } else {
                "☐ "
            }))),
            Event::SoftBreak => events.push(Event::HardBreak),
            other => events.push(other),
        }
    }
    events
}

/// Whether this is the address of an attachment of a task, such as `/tasks/INF-42/attachments/0190…`. Only those are shown as
/// pictures: others would tell their server about the reader.
pub(super) fn is_attachment(address: &str) -> bool {
    let parts: Vec<&str> = address.split('/').collect();
    let ["", "tasks", key, "attachments", id] = parts[..] else {
        return false;
    };
    key.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && id.len() == 36
        && id
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// The beginning of a picture that leads to its large version; its description follows.
fn picture<'t>(address: &str, is_within_link: bool) -> Event<'t> {
    let link = if is_within_link {
        String::new()
    } else {
        format!("<a href=\"{address}\">")
    };
    Event::InlineHtml(format!("{link}<img src=\"{address}/thumbnail\" alt=\"").into())
}

/// Reads the description of a picture, and ends the picture.
fn ends_picture<'t>(
    parser: &mut impl Iterator<Item = Event<'t>>,
    events: &mut Vec<Event<'t>>,
    is_within_link: bool,
) {
    let (mut depth, mut description) = (1, String::new());
    for event in parser {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            Event::Text(text) | Event::Code(text) => description.push_str(&text),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    let description = description
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let link = if is_within_link { "" } else { "</a>" };
    events.push(Event::InlineHtml(format!("{description}\">{link}").into()));
}

/// Footnotes are numbered in the order in which they are mentioned.
fn footnote_mark(name: &str, footnotes: &mut Vec<String>) -> String {
    let known = footnotes.iter().position(|known| known == name);
    let index = known.unwrap_or_else(|| {
        footnotes.push(name.to_owned());
        footnotes.len() - 1
    });
    format!("<sup>{}</sup>", index + 1)
}

fn open_link<'t>(
    address: &CowStr<'t>,
    title: CowStr<'t>,
    end: TagEnd,
    open: &mut Vec<Open>,
    events: &mut Vec<Event<'t>>,
) {
    let is_inside = open.last().is_some_and(|open| open.is_within_link);
    let is_link = !is_inside && leads_somewhere(address);
    if is_link {
        events.push(Event::Start(Tag::Link {
            link_type: LinkType::Inline,
            dest_url: address.clone(),
            title,
            id: CowStr::from(""),
        }));
    }
    open.push(Open {
        end,
        target: (!is_inside && !is_link && !address.is_empty()).then(|| format!(" ({address})")),
        is_link,
        is_within_link: is_inside || is_link,
        shows_address: (end == TagEnd::Image).then(|| address.to_string()),
    });
}

fn close_link(closed: Open, events: &mut Vec<Event<'_>>) {
    if let Some(address) = closed.shows_address {
        events.push(Event::Text(address.into()));
    } else if let Some(target) = closed.target {
        events.push(Event::Text(target.into()));
    }
    if closed.is_link {
        events.push(Event::End(TagEnd::Link));
    }
}

/// Whether a link leads to a page of this server, or is an absolute address with a scheme that is allowed.
pub(super) fn leads_somewhere(address: &str) -> bool {
    let is_ours =
        (address.starts_with('/') && !address.starts_with("//")) || address.starts_with('#');
    let has_scheme = ["http://", "https://", "mailto:"].iter().any(|scheme| {
        address
            .get(..scheme.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
    });
    is_ours || has_scheme
}

#[cfg(test)]
mod tests {
    use super::is_attachment;

    #[test]
    fn only_addresses_of_attachments_are_pictures() {
        let file = "/tasks/INF-42/attachments/0190a5b2-1111-7222-8333-444455556666";
        assert!(is_attachment(file));
        for other in [
            format!("https://example.org{file}"),
            format!("/{file}"),
            format!("{file}/../x"),
            format!("{file}?x"),
            file.replace("INF-42", "\"><b>"),
            "/tasks/INF-42/attachments/x".to_owned(),
            "/logout".to_owned(),
        ] {
            assert!(!is_attachment(&other), "{other}");
        }
    }
}
