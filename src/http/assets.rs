//! Static files embedded in the binary: one stylesheet for every page, concatenated from `css/`, those
//! of single pages in `css/pages/`, one script that joins the modules of every page, and other modules as they are; each
//! compressed once.

use std::{collections::BTreeMap, io::Write, sync::LazyLock};

use axum::{
    body::Bytes,
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::{domain::error::Problem, http::bundle::bundle};

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// The script of every page, into which the modules that it imports are joined.
const ENTRY: &str = "js/app.js";

/// Scripts that only some pages need, or only once they are used; others load them then.
const ON_SOME_PAGES: [&str; 8] = [
    "js/elements/markdown-preview.js",
    "js/elements/planning-lists.js",
    "js/elements/search-palette.js",
    "js/elements/suggestions.js",
    "js/elements/walk-timer.js",
    "js/forms/copy.js",
    "js/forms/timezone.js",
    "js/shared/styles.js",
];

/// Every file, by its path under the version.
pub(crate) struct Assets {
    /// A hash of all files: URLs that contain it can be cached for ever.
    pub(crate) version: String,
    files: BTreeMap<String, Asset>,
}

struct Asset {
    kind: HeaderValue,
    plain: Bytes,
    gzip: Bytes,
    zstd: Bytes,
}

/// The embedded files, compressed at the first use.
pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(Assets::load);

impl Assets {
    fn load() -> Self {
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut styles = Vec::new();
        let mut names: Vec<String> = Files::iter().map(|name| name.into_owned()).collect();
        names.sort();
        for name in names {
            let Some(file) = Files::get(&name) else {
                continue;
            };
            if name.starts_with("css/pages/") {
                files.insert(name, lean(&file.data, "/*"));
            } else if name.starts_with("css/") {
                // The names are sorted and "_" comes before letters: the layers and tokens are first.
                styles.extend(lean(&file.data, "/*"));
            } else if name.starts_with("js/") {
                files.insert(name, lean(&file.data, "//"));
            } else {
                files.insert(name, file.data.into_owned());
            }
        }
        files.insert("app.css".to_owned(), styles);
        let scripts = files
            .iter()
            .filter(|(name, _)| name.ends_with(".js") && !ON_SOME_PAGES.contains(&name.as_str()))
            .map(|(name, data)| (name.clone(), String::from_utf8_lossy(data).into_owned()))
            .collect();
        let bundle = bundle(ENTRY, &scripts);
        files.insert(ENTRY.to_owned(), bundle.script.into_bytes());
        files.extend(
            bundle
                .stubs
                .into_iter()
                .map(|(name, stub)| (name, stub.into_bytes())),
        );
        let mut hash = Sha256::new();
        for (name, data) in &files {
            hash.update(name.as_bytes());
            hash.update(data);
        }
        let version = hash
            .finalize()
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let files = files
            .into_iter()
            .map(|(name, data)| (name.clone(), Asset::new(&name, data)))
            .collect();
        Self { version, files }
    }

    /// The address of a file.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("/static/{}/{name}", self.version)
    }
}

/// Minifies a file by removing indentation and comment lines, about a fifth of its size. Safe
/// because no file has a string that spans lines.
fn lean(file: &[u8], comment: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(file);
    let mut within = false;
    let mut out = String::with_capacity(text.len());
    for line in text.lines().map(str::trim) {
        let begins_block = !within && line.starts_with("/*");
        let is_comment = within || begins_block || line.starts_with(comment);
        if within || begins_block {
            within = !line.ends_with("*/");
        }
        if !is_comment && !line.is_empty() {
            out.push_str(line);
            // In JavaScript a line end may end a statement; in CSS not after these characters.
            if comment == "//" || !line.ends_with(['{', '}', ';', ',', ':']) {
                out.push('\n');
            }
        }
    }
    out.into_bytes()
}

impl Asset {
    fn new(name: &str, data: Vec<u8>) -> Self {
        let kind = match name.rsplit('.').next().unwrap_or("") {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            _ => "text/plain; charset=utf-8",
        };
        let gzip = gzip(&data, Compression::best());
        let zstd = zstd::bulk::compress(&data, 19).unwrap_or_default();
        Self {
            kind: HeaderValue::from_static(kind),
            plain: data.into(),
            gzip: gzip.into(),
            zstd: zstd.into(),
        }
    }
}

/// Compresses bytes with gzip.
pub(crate) fn gzip(data: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(data.len() / 4), level);
    // Writing to memory does not fail.
    let _ = encoder.write_all(data);
    encoder.finish().unwrap_or_default()
}

/// The content encodings that the server offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    Zstd,
    Gzip,
    Plain,
}

impl Encoding {
    /// The best one that a request accepts.
    pub(crate) fn accepted(headers: &HeaderMap) -> Self {
        let accepted = headers
            .get(header::ACCEPT_ENCODING)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("");
        let takes = |name: &str| {
            accepted.split(',').any(|part| {
                let mut part = part.trim().split(';');
                part.next()
                    .is_some_and(|coding| coding.trim().eq_ignore_ascii_case(name))
                    && part.all(|q| !matches!(q.trim(), "q=0" | "q=0.0"))
            })
        };
        if takes("zstd") {
            Self::Zstd
        } else if takes("gzip") {
            Self::Gzip
        } else {
            Self::Plain
        }
    }

    pub(crate) fn header(self) -> Option<HeaderValue> {
        match self {
            Self::Zstd => Some(HeaderValue::from_static("zstd")),
            Self::Gzip => Some(HeaderValue::from_static("gzip")),
            Self::Plain => None,
        }
    }
}

/// `GET /static/{version}/{*path}`
pub(crate) async fn serve(
    Path((_, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asset = ASSETS.files.get(&path).ok_or(Problem::NotFound)?;
    let encoding = Encoding::accepted(&headers);
    let body = match encoding {
        Encoding::Zstd => asset.zstd.clone(),
        Encoding::Gzip => asset.gzip.clone(),
        Encoding::Plain => asset.plain.clone(),
    };
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, asset.kind.clone());
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding.header() {
        headers.insert(header::CONTENT_ENCODING, encoding);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::bundle::declared_name;

    /// Styles and scripts of every page stay below 45 KB, with zstd and with gzip.
    #[test]
    fn styles_and_scripts_are_few_bytes() {
        let needed = [ENTRY, "app.css"];
        let sums = needed.into_iter().map(|name| &ASSETS.files[name]).fold(
            (0, 0),
            |(zstd, gzip), file| {
                assert!(file.zstd.len() < file.plain.len(), "compressed");
                (zstd + file.zstd.len(), gzip + file.gzip.len())
            },
        );
        assert!(
            sums.0 <= 45_000 && sums.1 <= 45 * 1024,
            "zstd, gzip: {sums:?}"
        );
    }

    /// Modules that are joined have no name in common, and no import or export of another form.
    #[test]
    fn modules_can_be_joined() {
        let mut owners: BTreeMap<String, String> = BTreeMap::new();
        for path in Files::iter().filter(|path| path.ends_with(".js")) {
            let file = Files::get(&path).unwrap();
            for line in String::from_utf8_lossy(&file.data).lines() {
                let has_other_form = ["export default", "export *", "import *"]
                    .into_iter()
                    .any(|form| line.starts_with(form))
                    || line.starts_with("import ") && line.contains(" as ");
                assert!(!has_other_form, "{path}: {line}");
                // What is loaded later has a scope of its own.
                if ON_SOME_PAGES.contains(&path.as_ref()) {
                    continue;
                }
                let line = line.strip_prefix("export ").unwrap_or(line);
                if let Some(name) = declared_name(line) {
                    let other = owners.insert(name.to_owned(), path.to_string());
                    assert_eq!(other, None, "`{name}` is declared in {path} too");
                }
            }
        }
        assert!(owners.len() > 100, "{}", owners.len());
    }
}
