//! The guides under `/help`.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::Path,
};

use crate::fixtures::{Client, World};

/// Returns the values of an attribute.
fn values<'p>(page: &'p str, attribute: &str) -> Vec<&'p str> {
    page.split(&format!(" {attribute}=\""))
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

/// Loads `/help` and every page of it that something there leads to, by path.
async fn load_guides(client: &Client) -> HashMap<String, String> {
    let mut pages = HashMap::new();
    let mut waiting = vec!["/help".to_owned()];
    while let Some(path) = waiting.pop() {
        if pages.contains_key(&path) {
            continue;
        }
        let page = client.get(&path).await.ok().text();
        for link in values(&page, "href") {
            if link.starts_with("/help") {
                waiting.push(link.split('#').next().unwrap().to_owned());
            }
        }
        pages.insert(path, page);
    }
    pages
}

#[tokio::test]
async fn every_guide_has_a_title_and_its_links_lead_somewhere() {
    let world = World::new().await;
    for client in [&world.elif, &world.stranger()] {
        let pages = load_guides(client).await;
        assert!(pages.len() > 8, "{:?}", pages.keys());
        for (path, page) in &pages {
            let title = page.split("<h1 dir=\"auto\">").nth(1).unwrap();
            let title = title.split('<').next().unwrap();
            assert!(!title.is_empty() && !title.contains('#'), "{path}: {title}");
            assert!(
                page.contains(&format!("<title>{title} · Fortnight</title>")),
                "{path}"
            );
            let (main, _) = page.split_once("</main>").unwrap();
            let (_, main) = main.split_once("<main").unwrap();
            for link in values(main, "href") {
                // two that are no guides
                if link.starts_with("https://") || ["/me", "/api/v1/openapi.json"].contains(&link) {
                    continue;
                }
                let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
                let target = if target.is_empty() { path } else { target };
                let found = pages
                    .get(target)
                    .unwrap_or_else(|| panic!("{path} links to {link}"));
                assert!(
                    anchor.is_empty() || found.contains(&format!(" id=\"{anchor}\"")),
                    "{path} links to {link}"
                );
            }
            // a link that leads nowhere is rendered as its text and target
            assert!(!main.contains(".md)"), "{path}");
        }
    }
    world.elif.get("/help/nothing").await.status(404);
}

/// Links in files of the repository lead to files of the repository, as GitHub resolves them.
#[test]
fn links_between_documents_lead_to_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = fs::read_dir(root.join("docs")).unwrap();
    let documents = documents
        .chain(fs::read_dir(root).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut missing = BTreeSet::new();
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split([')', '#']).next().unwrap();
            let is_file = !link.is_empty() && !link.contains(':') && !link.contains(' ');
            if is_file && !document.parent().unwrap().join(link).exists() {
                missing.insert(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

/// What the guide to troubleshooting quotes is what the program says.
#[test]
fn quoted_messages_are_those_of_the_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(root.join("docs/troubleshooting.md")).unwrap();
    let (mut sources, mut folders) = (String::new(), vec![root.join("src")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                sources.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let first_cells = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let quotes: Vec<&str> = first_cells
        .flat_map(|cell| cell.split(['`', '“', '”']).skip(1).step_by(2))
        .collect();
    assert!(quotes.len() > 25, "{quotes:?}");
    for quote in quotes {
        // what differs from case to case is a number, an address or left out
        for part in quote.split(|letter: char| letter == '…' || letter.is_ascii_digit()) {
            let part = part.trim_matches([' ', '.', ':', ',', '“', '”']);
            assert!(sources.contains(part), "{quote}: {part}");
        }
    }
}

#[tokio::test]
async fn help_is_linked_from_the_account_menu_and_the_settings() {
    let world = World::new().await;
    sqlx::query("UPDATE accounts SET role = 'admin'")
        .execute(&world.db)
        .await
        .unwrap();
    let page = world.elif.get("/settings").await.ok().text();
    assert_eq!(page.matches("href=\"/help\"").count(), 2);
    assert!(page.contains("href=\"/help/backup\""));
}

/// Whoever writes a program finds every operation with a request to copy and what it answers.
#[tokio::test]
async fn api_reference_has_every_operation_with_an_example() {
    let world = World::new().await;
    let description = world.elif.get("/api/v1/openapi.json").await.ok().json();
    let contents = world.stranger().get("/help/api").await.ok().text();
    let mut operations = 0;
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let name = operation["tags"][0].as_str().unwrap();
            let link = format!("href=\"/help/api/{name}#{id}\"");
            assert!(contents.contains(&link), "{link}");
            let page = world
                .stranger()
                .get(&format!("/help/api/{name}"))
                .await
                .ok()
                .text();
            let (_, part) = page.split_once(&format!("<h2 id=\"{id}\">")).unwrap();
            let part = part.split("<h2 ").next().unwrap();
            let title = format!("{} {path}<", method.to_uppercase());
            assert!(part.starts_with(&title), "{part}");
            // no parameter is left open in the example
            let (_, command) = part
                .split_once("curl 'http://fortnight.test/api/v1")
                .unwrap();
            let command = command.split("</code>").next().unwrap();
            let url = command.split("&#39;").next().unwrap();
            assert!(!url.contains('{') && !url.contains("//"), "{url}");
            assert!(command.contains("Authorization: Bearer"), "{command}");
            if id == "add_attachments" {
                assert!(command.ends_with("-F file=@plan.png"), "{command}");
            } else if operation.get("requestBody").is_some() {
                assert!(command.contains("Content-Type: application/json"), "{id}");
                assert!(
                    !command.contains(r#"&#34;&#34;"#) || id == "close_sprint",
                    "{command}"
                );
            }
            operations += 1;
        }
    }
    assert!(operations > 100, "{operations}");
    world.stranger().get("/help/api/nothing").await.status(404);
    let help = world.stranger().get("/help").await.ok().text();
    assert!(help.contains("href=\"/help/api\""));
}
