//! Renders Markdown to sanitized HTML. Also finds what a task's text links to: `INF-42`, `@handle`
//! and URLs.

mod nesting;
pub mod worker;

use std::{borrow::Cow, collections::HashSet, sync::LazyLock};

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

use crate::domain::text::without_turns;

/// Sanitized HTML. Only this module creates it, so that nothing else can print raw HTML.
#[derive(Clone, Debug, Default)]
pub(crate) struct Html(String);

impl std::fmt::Display for Html {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(&self.0)
    }
}

/// The words that become links: team keys (INF) and handles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    pub(crate) team_keys: HashSet<String>,
    pub(crate) handles: HashSet<String>,
}

static HARMLESS: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut builder = ammonia::Builder::default();
    builder
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .rm_tags(["img", "map", "area"])
        .link_rel(Some("noopener noreferrer nofollow"))
        // Code blocks scroll sideways, so they must be reachable by keyboard.
        .set_tag_attribute_value("pre", "tabindex", "0")
        // A link must lead to a page of this server or be an absolute URL.
        .attribute_filter(|_, attribute, value| {
            let ours =
                (value.starts_with('/') && !value.starts_with("//")) || value.starts_with('#');
            let known = ["http://", "https://", "mailto:"]
                .iter()
                .any(|scheme| value.starts_with(scheme));
            (attribute != "href" || ours || known).then_some(Cow::Borrowed(value))
        });
    builder
});

/// More events than a text of the largest length usually has. Tables multiply them: rows are filled up with empty cells.
const MAX_EVENTS: usize = 200_000;

/// Renders Markdown. Raw HTML in it shows as text; characters that turn the text around them are left out.
pub(crate) fn render(text: &str, links: &Links) -> Html {
    let options =
        Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
    let mut unlinkable = 0;
    let mut events = Vec::new();
    let limited = nesting::limit_nesting(text);
    for event in Parser::new_ext(&limited, options).take(MAX_EVENTS) {
        match event {
            Event::Html(raw) | Event::InlineHtml(raw) => events.push(Event::Text(raw)),
            Event::Start(tag @ (Tag::Link { .. } | Tag::CodeBlock(_))) => {
                unlinkable += 1;
                events.push(Event::Start(tag));
            }
            Event::End(tag @ (TagEnd::Link | TagEnd::CodeBlock)) => {
                unlinkable -= 1;
                events.push(Event::End(tag));
            }
            Event::Text(text) if unlinkable == 0 => link_words(&text, links, &mut events),
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
    let mut out = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut out, events.into_iter());
    // After entities were decoded.
    let html = HARMLESS.clean(&out).to_string();
    Html(without_turns(&html).into_owned())
}

fn link_words(text: &str, links: &Links, events: &mut Vec<Event<'_>>) {
    let mut plain = String::new();
    for word in text.split_inclusive(|letter: char| {
        letter.is_whitespace() || matches!(letter, '(' | ')' | ',' | ';' | '“' | '”' | '"')
    }) {
        let core = word.trim_end_matches(|letter: char| {
            letter.is_whitespace()
                || matches!(
                    letter,
                    '(' | ')' | ',' | ';' | '.' | ':' | '!' | '?' | '“' | '”' | '"'
                )
        });
        match target(core, links) {
            Some(address) => {
                if !plain.is_empty() {
                    events.push(Event::Text(CowStr::from(std::mem::take(&mut plain))));
                }
                let link = Tag::Link {
                    link_type: LinkType::Inline,
                    dest_url: CowStr::from(address),
                    title: CowStr::from(""),
                    id: CowStr::from(""),
                };
                events.extend([
                    Event::Start(link),
                    Event::Text(CowStr::from(core.to_owned())),
                    Event::End(TagEnd::Link),
                ]);
                plain.push_str(&word[core.len()..]);
            }
            None => plain.push_str(word),
        }
    }
    if !plain.is_empty() {
        events.push(Event::Text(CowStr::from(plain)));
    }
}

fn target(word: &str, links: &Links) -> Option<String> {
    if let Some(handle) = word.strip_prefix('@') {
        let handle = handle.to_lowercase();
        return links
            .handles
            .contains(&handle)
            .then(|| format!("/people/{handle}"));
    }
    if (word.starts_with("https://") || word.starts_with("http://")) && word.len() > 10 {
        return Some(word.to_owned());
    }
    let (key, number) = word.split_once('-')?;
    let is_number =
        !number.is_empty() && number.len() < 12 && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && links.team_keys.contains(key)).then(|| format!("/tasks/{word}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        let links = Links {
            team_keys: ["INF".to_owned()].into(),
            handles: ["jonas".to_owned()].into(),
        };
        render(text, &links).to_string()
    }

    #[test]
    fn keys_handles_and_addresses_become_links() {
        let html = shown("See INF-42, ask @jonas (https://example.org/a?b=1). Not XYZ-1, `INF-3`");
        assert!(html.contains(r#"<a href="/tasks/INF-42""#), "{html}");
        assert!(html.contains(r#"<a href="/people/jonas""#), "{html}");
        assert!(
            html.contains(r#"<a href="https://example.org/a?b=1""#),
            "{html}"
        );
        assert!(
            !html.contains("/tasks/XYZ") && html.contains("<code>INF-3</code>"),
            "{html}"
        );
    }

    /// `&#x202e;` as well as the character itself.
    #[test]
    fn text_is_not_turned() {
        for evil in [
            "gpj\u{202e}exe.",
            "gpj&#x202e;exe.",
            "`a\u{2067}b`",
            "[a\u{2066}b](/x)",
            "&#8238;x",
        ] {
            let html = shown(evil);
            assert!(
                !html.contains(['\u{202e}', '\u{2066}', '\u{2067}']),
                "{html}"
            );
        }
    }

    #[test]
    fn scripts_are_removed() {
        for evil in [
            "[x](javascript:alert(1))",
            "[x](\tjavascript:alert(1))",
            "[x](java&#x09;script:alert(1))",
            "[x](data:text/html,<script>alert(1)</script>)",
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "![x](javascript:alert(1))",
            "<a href=\"javascript:alert(1)\" onclick=\"x()\">y</a>",
        ] {
            let html = shown(evil);
            // Raw HTML shows as text: it must not produce tags or working links.
            for tag in [
                "<script",
                "<img",
                "<a href=\"javascript",
                "<a href=\"data",
                "<a href=\"java",
            ] {
                assert!(!html.contains(tag), "{evil}: {html}");
            }
        }
    }

    /// Parses all tags with their attributes: the text between `<` and `>`, where quotes enclose
    /// values.
    fn tags(html: &str) -> Vec<(String, Vec<(String, String)>)> {
        let mut tags = Vec::new();
        let mut rest = html;
        while let Some(at) = rest.find('<') {
            rest = &rest[at + 1..];
            let mut quoted = false;
            let end = rest.find(|char| {
                quoted ^= char == '"';
                char == '>' && !quoted
            });
            let (tag, after) = rest.split_at(end.expect("a tag ends"));
            rest = after;
            let (name, mut inner) = tag.split_once(' ').unwrap_or((tag, ""));
            let mut attributes = Vec::new();
            while let Some((attribute, value)) = inner.split_once("=\"") {
                let (value, left) = value.split_once('"').expect("a value ends");
                attributes.push((attribute.trim().to_owned(), value.to_owned()));
                inner = left;
            }
            tags.push((name.trim_start_matches('/').to_owned(), attributes));
        }
        tags
    }

    fn evil() -> impl Strategy<Value = String> {
        let parts = prop::sample::select(vec![
            "<",
            ">",
            "</",
            "script",
            "img ",
            "svg ",
            "onerror=",
            "onclick=\"x()\"",
            "href=",
            "src=x ",
            "style=",
            "javascript:",
            "JaVaScRiPt:",
            "java\tscript:",
            "java&#x0a;script:",
            "&colon;",
            "data:text/html,",
            "vbscript:",
            "[",
            "](",
            ")",
            "![",
            "\"",
            "'",
            "`",
            "```",
            "\n",
            "\n\n",
            "    ",
            "#",
            "* ",
            "- [x] ",
            "|",
            "|-|\n",
            "~~",
            "<!--",
            "-->",
            "<![CDATA[",
            "&lt;",
            "&#60;",
            "\\",
            "\0",
            "\u{feff}",
            "http://",
            "//evil",
            "/x",
            "<http://a>",
            "INF-1",
            "@jonas",
            "[a]: ",
            "<a href=\"javascript:x\">",
            "</a>",
            "title \"",
            "<math>",
            "<style>",
            "<iframe src=",
            "<base href=",
            "<form action=",
        ]);
        let part = prop_oneof![8 => parts.prop_map(str::to_owned), 1 => any::<String>()];
        prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn any_markdown_renders_to_harmless_tags(text in evil()) {
            for (name, attributes) in tags(&shown(&text)) {
                let harmless = [
                    "a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "strong",
                    "table", "tbody", "td", "th", "thead", "tr", "ul",
                ];
                prop_assert!(harmless.contains(&name.as_str()), "{name} of {text:?}");
                for (attribute, value) in attributes {
                    let known = ["href", "rel", "title", "start", "align", "lang", "tabindex"].contains(&attribute.as_str());
                    prop_assert!(known, "{attribute} of {text:?}");
                    let leads = ["http://", "https://", "mailto:", "/", "#"].iter().any(|start| value.starts_with(start));
                    prop_assert!(attribute != "href" || (leads && !value.starts_with("//")), "{value} of {text:?}");
                }
            }
        }
    }
}
