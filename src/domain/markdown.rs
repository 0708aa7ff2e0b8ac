//! Renders Markdown to sanitized HTML. Also finds what a task's text links to: `INF-42`, `@handle`
//! and URLs.

pub(crate) mod document;
mod links;
pub(crate) mod mentions;
mod nesting;
mod rewrite;
pub mod worker;

use std::{borrow::Cow, collections::HashSet, sync::LazyLock};

use pulldown_cmark::{Options, Parser, TextMergeStream, html};

use crate::domain::text::without_turns;

pub(crate) use crate::domain::markdown::links::Links;

/// Sanitized HTML. Only this module creates it, so that nothing else can print raw HTML.
#[derive(Clone, Debug, Default)]
pub(crate) struct Html(String);

impl std::fmt::Display for Html {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(&self.0)
    }
}

static HARMLESS: LazyLock<ammonia::Builder<'static>> = LazyLock::new(allow_list);

/// The tags and attributes that are kept.
fn allow_list() -> ammonia::Builder<'static> {
    let mut builder = ammonia::Builder::default();
    builder
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .rm_tags(["map", "area"])
        .rm_tag_attributes("img", &["height", "width", "align"])
        .link_rel(Some("noopener noreferrer nofollow"))
        // Code blocks scroll sideways, so they must be reachable by keyboard.
        .set_tag_attribute_value("pre", "tabindex", "0")
        // A link must lead to a page of this server or be an absolute URL.
        .attribute_filter(|tag, attribute, value| {
            let is_kept = match (tag, attribute) {
                ("img", "src") => value
                    .strip_suffix("/thumbnail")
                    .is_some_and(rewrite::is_attachment),
                (_, "href") => rewrite::leads_somewhere(value),
                _ => true,
            };
            is_kept.then_some(Cow::Borrowed(value))
        });
    builder
}

/// More events than a text of the largest length usually has. Tables multiply them: rows are filled up with empty cells.
const MAX_EVENTS: usize = 200_000;

const OPTIONS: Options = Options::ENABLE_STRIKETHROUGH
    .union(Options::ENABLE_TABLES)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_FOOTNOTES);

/// Renders Markdown. Raw HTML in it shows as text; characters that turn the text around them are left out.
pub(crate) fn render(text: &str, links: &Links) -> Html {
    let limited = nesting::limit_nesting(text);
    let source = links::wrap_addresses(&limited, OPTIONS, MAX_EVENTS);
    let parser = TextMergeStream::new(Parser::new_ext(&source, OPTIONS).take(MAX_EVENTS));
    let events = rewrite::rewrite(parser, links);
    let mut out = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut out, events.into_iter());
    // The content security policy forbids inline styles. Text cannot contain these: its `<` is escaped.
    for cell in ["<td", "<th"] {
        out = out.replace(
            &format!("{cell} style=\"text-align: "),
            &format!("{cell} align=\""),
        );
    }
    // After entities were decoded.
    let html = HARMLESS.clean(&out).to_string();
    Html(without_turns(&html).into_owned())
}

/// Renders a line of plain text, in which only addresses, keys and mentions become links.
pub(crate) fn render_line(text: &str, links: &Links) -> Html {
    let mut events = Vec::new();
    links::link_line(text, links, &mut events);
    let mut out = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut out, events.into_iter());
    let html = HARMLESS.clean(&out).to_string();
    Html(without_turns(&html).into_owned())
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

    #[test]
    fn lines_have_links_but_no_markdown() {
        let links = Links {
            team_keys: ["INF".to_owned()].into(),
            handles: ["jonas".to_owned()].into(),
        };
        let html = render_line(
            "*Ask* @jonas <b> about INF-42: www.example.org/a_b, ops@example.org",
            &links,
        )
        .to_string();
        let link = |to: &str, text: &str| {
            format!("<a href=\"{to}\" rel=\"noopener noreferrer nofollow\">{text}</a>")
        };
        let expected = format!(
            "*Ask* {} &lt;b&gt; about {}: {}, {}",
            link("/people/jonas", "@jonas"),
            link("/tasks/INF-42", "INF-42"),
            link("http://www.example.org/a_b", "www.example.org/a_b"),
            link("mailto:ops@example.org", "ops@example.org"),
        );
        assert_eq!(html, expected);
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
    fn addresses_keys_and_mentions_are_found_beside_punctuation() {
        let link = |to: &str, text: &str| {
            format!("<a href=\"{to}\" rel=\"noopener noreferrer nofollow\">{text}</a>")
        };
        let wiki = "https://example.org/a_(b)_c*d*~~e~~f";
        for (text, expected) in [
            (
                format!("See ({wiki})."),
                format!("See ({}).", link(wiki, wiki)),
            ),
            (
                "**www.example.org/_a** HTTPS://Example.org".to_owned(),
                format!(
                    "<strong>{}</strong> {}",
                    link("http://www.example.org/_a", "www.example.org/_a"),
                    link("HTTPS://Example.org", "HTTPS://Example.org")
                ),
            ),
            (
                "INF-1's, INF-3/INF-4、見INF-5。 XINF-1 INF-1x".to_owned(),
                format!(
                    "{}'s, {}/{}、見{}。 XINF-1 INF-1x",
                    link("/tasks/INF-1", "INF-1"),
                    link("/tasks/INF-3", "INF-3"),
                    link("/tasks/INF-4", "INF-4"),
                    link("/tasks/INF-5", "INF-5")
                ),
            ),
            (
                "@jonas's (@jonas) a@jonas @jonas: `@jonas`".to_owned(),
                format!(
                    "{0}'s ({0}) a@jonas {0}: <code>@jonas</code>",
                    link("/people/jonas", "@jonas")
                ),
            ),
            (
                "[https://example.org/x](/teams) `https://example.org`".to_owned(),
                format!(
                    "{} <code>https://example.org</code>",
                    link("/teams", "https://example.org/x")
                ),
            ),
        ] {
            assert_eq!(shown(&text), format!("<p>{expected}</p>\n"), "{text}");
        }
    }

    #[test]
    fn images_footnotes_and_alignment_leave_a_trace() {
        let html = shown("![a plan](https://example.org/p.png) ![](https://example.org/q.png)");
        assert!(
            html.contains(">a plan</a>") && html.contains(">https://example.org/q.png</a>"),
            "{html}"
        );
        let html = shown("[![plan](https://example.org/p.png)](https://example.org)");
        assert_eq!(html.matches("<a ").count(), 1, "{html}");
        assert!(html.contains(">plan</a>"), "{html}");
        let html = shown("[the guide](docs/guide.md) [x](javascript:alert(1))");
        assert!(html.contains("the guide (docs/guide.md)"), "{html}");
        let html = shown("Cut over[^1], twice[^b].\n\n[^1]: At night\n[^b]: Or not");
        assert!(
            html.contains("over<sup>1</sup>, twice<sup>2</sup>"),
            "{html}"
        );
        assert!(
            html.contains("<div><sup>1</sup>") && html.contains("At night"),
            "{html}"
        );
        let html = shown("| a | b |\n|--:|:-:|\n| 1 | 2 |");
        assert!(
            html.contains("<td align=\"right\">1</td>") && html.contains("<th align=\"center\">"),
            "{html}"
        );
    }

    #[test]
    fn pictures_are_attachments_only() {
        let file = "/tasks/INF-42/attachments/0190a5b2-1111-7222-8333-444455556666";
        let html = shown(&format!("![a \"*plan*\" <b>]({file})"));
        assert!(
            html.contains(&format!(
                "<img src=\"{file}/thumbnail\" alt=\"a &quot;plan&quot; \">"
            )),
            "{html}"
        );
        assert!(html.contains(&format!("<a href=\"{file}\"")), "{html}");
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
            "[^a]",
            "[^a]: ",
            "https://a.org/_",
            "www.",
            ".b",
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
                    "a", "b", "blockquote", "img", "div", "sup", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "strong",
                    "table", "tbody", "td", "th", "thead", "tr", "ul",
                ];
                prop_assert!(harmless.contains(&name.as_str()), "{name} of {text:?}");
                for (attribute, value) in attributes {
                    let known = ["href", "rel", "title", "start", "align", "lang", "tabindex", "alt", "src"].contains(&attribute.as_str());
                    prop_assert!(known, "{attribute} of {text:?}");
                    let leads = ["http://", "https://", "mailto:", "/", "#"].iter().any(|start| value.starts_with(start));
                    prop_assert!(attribute != "href" || (leads && !value.starts_with("//")), "{value} of {text:?}");
                }
            }
        }
    }
}
