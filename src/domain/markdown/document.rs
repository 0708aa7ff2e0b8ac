//! Renders the project's own documents, such as the guides under `/help`.

use std::sync::LazyLock;

use pulldown_cmark::{CowStr, Event, Parser, Tag, TagEnd, TextMergeStream, html};

use crate::domain::markdown::{Html, Links, OPTIONS, allow_list, rewrite};

/// What documents may contain besides: headings that links lead to, and tables that scroll sideways and must be reachable
/// by keyboard.
static ALLOWED: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut builder = allow_list();
    for heading in ["h2", "h3"] {
        builder.add_tag_attributes(heading, ["id"]);
    }
    builder.set_tag_attribute_value("table", "tabindex", "0");
    builder
});

/// Renders a document. Its lines are wrapped, so a line break in a paragraph is a space. Headings get the ids that GitHub
/// gives them. `target` returns where the link to a file leads.
pub(crate) fn render_document(text: &str, target: impl Fn(&str) -> String) -> Html {
    let parser = Parser::new_ext(text, OPTIONS).map(|event| match event {
        Event::SoftBreak => Event::Text(" ".into()),
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Link {
            link_type,
            dest_url: target(&dest_url).into(),
            title,
            id,
        }),
        other => other,
    });
    let mut events: Vec<Event<'_>> = TextMergeStream::new(parser).collect();
    for at in 0..events.len() {
        let words: String = events[at + 1..]
            .iter()
            .take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))))
            .filter_map(|event| match event {
                Event::Text(text) | Event::Code(text) => Some(&**text),
                _ => None,
            })
            .take(if is_heading(&events[at]) { 100 } else { 0 })
            .collect();
        if let Event::Start(Tag::Heading { id, .. }) = &mut events[at] {
            *id = Some(CowStr::from(anchor(&words)));
        }
    }
    let events = rewrite::rewrite(events.into_iter(), &Links::default());
    let mut out = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut out, events.into_iter());
    Html(ALLOWED.clean(&out).to_string())
}

fn is_heading(event: &Event<'_>) -> bool {
    matches!(event, Event::Start(Tag::Heading { .. }))
}

/// A heading's id as GitHub makes it: `A newer Postgres` → `a-newer-postgres`.
fn anchor(heading: &str) -> String {
    heading
        .chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            _ => letter.is_alphanumeric().then_some(letter),
        })
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_anchors_and_links_that_lead_to_pages() {
        let text = "## A newer `Postgres`, by hand\n\nSee [backup](backup.md#restore)\nfirst.\n";
        let html = render_document(text, |file| format!("/help/{}", file.replace(".md", "")));
        assert_eq!(
            html.to_string(),
            "<h2 id=\"a-newer-postgres-by-hand\">A newer <code>Postgres</code>, by hand</h2>\n\
             <p>See <a href=\"/help/backup#restore\" rel=\"noopener noreferrer nofollow\">backup</a> first.</p>\n"
        );
    }

    #[test]
    fn wide_tables_can_be_scrolled_by_keyboard() {
        let html = render_document("| a |\n|---|\n| 1 |", str::to_owned).to_string();
        assert!(html.starts_with("<table tabindex=\"0\">"), "{html}");
    }
}
