//! Renders long texts off the threads that serve requests.

use std::{num::NonZeroUsize, sync::LazyLock, thread::available_parallelism};

use anyhow::Context;
use tokio::sync::Semaphore;

use crate::domain::{
    error::Result,
    markdown::{Html, Links, render, render_line},
};

/// The characters of the longest text that is rendered.
pub(crate) const MAX_TEXT: usize = 100_000;

/// Texts with fewer bytes in total take less than a millisecond, and are rendered in place.
const SHORT: usize = 8_000;

/// Half of the processors, so that the others stay free for requests.
static FREE: LazyLock<Semaphore> = LazyLock::new(|| {
    let processors = available_parallelism().map_or(1, NonZeroUsize::get);
    Semaphore::new((processors / 2).max(1))
});

/// Renders several texts, in their order.
pub(crate) async fn render_texts(texts: Vec<String>, links: &Links) -> Result<Vec<Html>> {
    render_all(texts, links, render).await
}

/// Renders several lines of plain text, in their order.
pub(crate) async fn render_lines(lines: Vec<String>, links: &Links) -> Result<Vec<Html>> {
    render_all(lines, links, render_line).await
}

async fn render_all(
    texts: Vec<String>,
    links: &Links,
    render: fn(&str, &Links) -> Html,
) -> Result<Vec<Html>> {
    let render_each = move |texts: Vec<String>, links: &Links| -> Vec<Html> {
        texts.iter().map(|text| render(text, links)).collect()
    };
    if texts.iter().map(String::len).sum::<usize>() < SHORT {
        return Ok(render_each(texts, links));
    }
    let turn = FREE.acquire().await.context("rendering queue closed")?;
    let links = links.clone();
    // A cancelled request gives up its turn after the work, which continues.
    let (rendered, _turn) = tokio::task::spawn_blocking(move || (render_each(texts, &links), turn))
        .await
        .context("rendering task failed")?;
    Ok(rendered)
}

/// Renders one text.
pub(crate) async fn render_text(text: &str, links: &Links) -> Result<Html> {
    let rendered = render_texts(vec![text.to_owned()], links).await?;
    Ok(rendered.into_iter().next().unwrap_or_default())
}
