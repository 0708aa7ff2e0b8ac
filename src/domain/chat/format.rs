//! Writes a message in the format that each product accepts. Nothing in it can mention people or a whole channel.

use serde_json::{Value, json};

use crate::domain::chat::{
    message::{Line, Message, Part},
    webhooks::Product,
};

/// Separates `@` from a name, so that no product takes both for a mention.
const ZERO_WIDTH_SPACE: char = '\u{200B}';

impl Product {
    /// The most characters of a message. Slack cuts at 40,000, Mattermost refuses more than 16,383 and Discord more than
    /// 2,000.
    fn most_chars(self) -> usize {
        match self {
            Self::Slack | Self::Mattermost => 12_000,
            Self::Discord => 2_000,
        }
    }

    /// The body of the request.
    pub(crate) fn body(self, message: &Message) -> Value {
        let text = self.text(message);
        match self {
            Self::Slack => json!({ "text": text, "unfurl_links": false }),
            Self::Mattermost => json!({ "text": text }),
            Self::Discord => json!({
                "content": text,
                "allowed_mentions": { "parse": [] },
                // no previews of the links
                "flags": 4,
            }),
        }
    }

    fn text(self, message: &Message) -> String {
        let mut text = self.line(&message.title);
        let mut left = 0;
        for section in &message.sections {
            for (place, line) in section.lines.iter().enumerate() {
                let mut more = String::new();
                if place == 0 && !section.heading.is_empty() {
                    more.push_str("\n\n");
                    more.push_str(&self.bold(section.heading));
                }
                let bullet = if self == Self::Slack {
                    "\n• "
                } else {
                    "\n- "
                };
                more.push_str(bullet);
                more.push_str(&self.line(line));
                // room for the last line
                if left > 0 || length(&text) + length(&more) + 40 > self.most_chars() {
                    left += 1;
                } else {
                    text.push_str(&more);
                }
            }
        }
        if left > 0 {
            text.push_str(&format!("\n… and {left} more"));
        }
        text
    }

    fn line(self, line: &Line) -> String {
        line.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => self.escape(text),
                Part::Bold(text) => self.bold(text),
                Part::Link { label, url } => self.link(label, url),
            })
            .collect()
    }

    fn bold(self, text: &str) -> String {
        let escaped = self.escape(text);
        match self {
            Self::Slack => format!("*{escaped}*"),
            Self::Mattermost | Self::Discord => format!("**{escaped}**"),
        }
    }

    fn link(self, label: &str, url: &str) -> String {
        let label = self.escape(label);
        match self {
            Self::Slack => format!("<{}|{label}>", self.escape(url)),
            Self::Mattermost => format!("[{label}]({url})"),
            // the angle brackets keep it from showing a preview
            Self::Discord => format!("[{label}](<{url}>)"),
        }
    }

    fn escape(self, text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for letter in text.chars() {
            match (self, letter) {
                (_, '@') => {
                    if self == Self::Discord {
                        escaped.push('\\');
                    }
                    escaped.push('@');
                    escaped.push(ZERO_WIDTH_SPACE);
                }
                (Self::Slack, '&') => escaped.push_str("&amp;"),
                (Self::Slack, '<') => escaped.push_str("&lt;"),
                (Self::Slack, '>') => escaped.push_str("&gt;"),
                // Slack cannot escape it, and it would take the rest of the message for code.
                (Self::Slack, '`') => escaped.push('\''),
                // Mattermost makes `<!channel>` a mention before it reads the Markdown.
                (Self::Mattermost, '<') => {
                    escaped.push('<');
                    escaped.push(ZERO_WIDTH_SPACE);
                }
                (Self::Discord, '<' | ':')
                | (
                    Self::Mattermost | Self::Discord,
                    '\\' | '`' | '*' | '_' | '~' | '|' | '[' | ']' | '(' | ')' | '#' | '>' | '!',
                ) => {
                    escaped.push('\\');
                    escaped.push(letter);
                }
                _ => escaped.push(letter),
            }
        }
        escaped
    }
}

/// The length as the strictest product counts it.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::chat::message::Section;

    fn written(product: Product, title: &str) -> String {
        let line = Line::default()
            .link("INF-4", "https://board.example.org/tasks/INF-4".to_owned())
            .text(" ")
            .quoted(title);
        product.text(&Message::of(line))
    }

    #[test]
    fn markup_and_mentions_are_escaped() {
        let title = "<!channel> @here *a* & [b](c) `d`";
        assert_eq!(
            written(Product::Slack, title),
            "<https://board.example.org/tasks/INF-4|INF-4> &lt;!channel&gt; @\u{200B}here *a* &amp; [b](c) 'd'"
        );
        assert_eq!(
            written(Product::Mattermost, title),
            "[INF-4](https://board.example.org/tasks/INF-4) <\u{200B}\\!channel\\> @\u{200B}here \\*a\\* & \\[b\\]\\(c\\) \\`d\\`"
        );
        assert_eq!(
            written(Product::Discord, title),
            "[INF-4](<https://board.example.org/tasks/INF-4>) \\<\\!channel\\> \\@\u{200B}here \\*a\\* & \\[b\\]\\(c\\) \\`d\\`"
        );
    }

    #[test]
    fn long_message_ends_with_a_count() {
        let lines = (0..40).map(|_| Line::default().quoted(&"*".repeat(500)));
        let message = Message {
            title: Line::default().bold("Many"),
            sections: vec![Section {
                heading: "Blocked",
                lines: lines.collect(),
            }],
        };
        let text = Product::Discord.text(&message);
        assert!(length(&text) <= 2000, "{}", length(&text));
        assert!(text.ends_with("\n… and 33 more"), "{text}");
    }
}
