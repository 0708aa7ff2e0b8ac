//! Reads the file of an import as text.

use std::{fs::File, io::Read, path::Path};

use anyhow::{Context, Result, bail, ensure};
use encoding_rs::WINDOWS_1252;

use crate::domain::humanize::capitalized;

/// A larger file is not a board and would only fill the memory.
const MAX_BYTES: u64 = 100 * 1024 * 1024;

/// What the text of a file may be, if it is neither UTF-8 nor UTF-16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OtherText {
    Refused,
    /// Windows-1252, as Excel writes tables.
    Windows1252,
}

/// Reads a file of an import.
///
/// # Errors
/// If it cannot be read, or is larger than 100 MB.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
    let size = file.metadata().map_or(0, |about| about.len());
    let mut bytes = Vec::with_capacity(size.min(MAX_BYTES) as usize + 1);
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {name}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        bail!("{name} is larger than 100 MB; nothing was imported");
    }
    Ok(bytes)
}

/// The text of a file in UTF-8 or UTF-16, with or without a byte order mark: PowerShell writes UTF-16.
///
/// # Errors
/// If it is neither, empty, or a web page.
pub(crate) fn text(
    bytes: Vec<u8>,
    name: &str,
    other: OtherText,
    may_be_xml: bool,
) -> Result<String> {
    let text = decode(bytes, other).with_context(|| {
        format!("{name} is neither UTF-8 nor UTF-16 text; nothing was imported")
    })?;
    ensure!(
        !text.trim_ascii().is_empty(),
        "{name} is empty; nothing was imported"
    );
    ensure!(
        !is_web_page(&text) && (may_be_xml || !text.trim_ascii_start().starts_with('<')),
        "{name} is a web page, perhaps a page to sign in, and not an export; nothing was imported"
    );
    Ok(text)
}

/// `None` if the bytes are in neither encoding.
fn decode(mut bytes: Vec<u8>, other: OtherText) -> Option<String> {
    let utf16 = |from: usize, unit: fn([u8; 2]) -> u16| {
        let units = bytes.get(from..)?.as_chunks().0.iter().copied().map(unit);
        char::decode_utf16(units)
            .collect::<Result<String, _>>()
            .ok()
    };
    // Without a mark, the zero beside the first character gives the byte order.
    match bytes.as_slice() {
        [0xff, 0xfe, ..] => utf16(2, u16::from_le_bytes),
        [0xfe, 0xff, ..] => utf16(2, u16::from_be_bytes),
        [first, 0, ..] if *first != 0 => utf16(0, u16::from_le_bytes),
        [0, first, ..] if *first != 0 => utf16(0, u16::from_be_bytes),
        _ => {
            if bytes.starts_with(b"\xef\xbb\xbf") {
                bytes.drain(..3);
            }
            match (String::from_utf8(bytes), other) {
                (Ok(text), _) => Some(text),
                (Err(_), OtherText::Refused) => None,
                (Err(error), OtherText::Windows1252) => {
                    // Letters of UTF-8 are no accident: the file is damaged.
                    let damaged = String::from_utf8_lossy(error.as_bytes());
                    let has_letters = damaged
                        .chars()
                        .any(|letter| !letter.is_ascii() && letter != char::REPLACEMENT_CHARACTER);
                    (!has_letters).then(|| WINDOWS_1252.decode(error.as_bytes()).0.into_owned())
                }
            }
        }
    }
}

fn is_web_page(text: &str) -> bool {
    let start = text
        .trim_ascii_start()
        .get(..15)
        .unwrap_or("")
        .to_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

/// What is wrong with a file, as a sentence.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let text = capitalized(&format!("{error:#}"));
    match text.ends_with(['.', '!', '?']) {
        true => text,
        false => text + ".",
    }
}

/// Whether a text that is not JSON looks like comma-separated values: the names of columns in its
/// first line.
pub(crate) fn is_csv(text: &str) -> bool {
    let first = text.trim_ascii_start().lines().next().unwrap_or("");
    !first.starts_with(['{', '[']) && first.contains([',', ';', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_8_and_utf_16_are_read_with_or_without_a_mark() {
        let text = "[{\"title\":\"Größe 𝄞\"}]";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            [b"\xff\xfe", little.as_slice()].concat(),
            [b"\xfe\xff", big.as_slice()].concat(),
            little,
            big,
        ] {
            assert_eq!(decode(bytes, OtherText::Refused).as_deref(), Some(text));
        }
        let excel = b"Gr\xf6\xdfe, \x80".to_vec();
        assert_eq!(decode(excel.clone(), OtherText::Refused), None);
        let read = decode(excel, OtherText::Windows1252);
        assert_eq!(read.as_deref(), Some("Größe, €"));
        let damaged = [b"Gr\xc3\xb6\xc3".as_slice(), b"e"].concat();
        assert_eq!(decode(damaged, OtherText::Windows1252), None);
    }

    #[test]
    fn csv_is_recognized_by_its_first_line() {
        assert!(is_csv("Card Name,List Name\nA,B") && is_csv("\"Title\";\"Due\"\n"));
        assert!(!is_csv("{\"a\": 1,") && !is_csv("[1, 2]") && !is_csv("nothing"));
    }
}
