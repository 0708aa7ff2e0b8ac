//! Completions of a shell, and manual pages.

use std::process::Command;

use crate::program::Place;

#[tokio::test]
async fn bash_completes_commands_and_manual_pages_describe_them() {
    let place = Place::new();
    let printed = place.run(&["completions", "bash"]).await;
    assert!(printed.status.success(), "{printed:?}");
    let script = String::from_utf8(printed.stdout).unwrap();
    // What bash would offer after `fortnight im`.
    let asked = format!(
        "{script}\nCOMP_WORDS=(fortnight im); COMP_CWORD=1; _fortnight fortnight im fortnight; echo \"${{COMPREPLY[@]}}\""
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("asked.sh");
    std::fs::write(&file, asked).unwrap();
    let offered = Command::new("bash").arg(&file).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&offered.stdout).trim(),
        "import",
        "{offered:?}"
    );

    let written = place.run(&["man", folder.path().to_str().unwrap()]).await;
    assert!(written.status.success(), "{written:?}");
    for (page, text) in [
        ("fortnight.1", "sprints"),
        ("fortnight-import.1", "Slug of the team"),
        ("fortnight-user-export.1", "JSON"),
    ] {
        let page = std::fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(page.starts_with(".ie") && page.contains(text), "{page}");
    }
    let nowhere = place.run(&["man", "/proc/nowhere"]).await;
    assert!(!nowhere.status.success());
}
