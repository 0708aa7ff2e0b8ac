use super::*;

fn lists(names: &[&str]) -> Vec<List> {
    let list = |name: &&str| List {
        name: (*name).to_owned(),
        ..List::default()
    };
    names.iter().map(list).collect()
}

fn default_board() -> Board {
    let column = |state: ColumnState| Column {
        id: Uuid::now_v7(),
        slug: slug(state.default_name()),
        name: state.default_name().to_owned(),
        state,
        wip_limit: None,
    };
    Board {
        columns: ColumnState::ALL.map(column).to_vec(),
        is_untouched: true,
        ..Board::default()
    }
}

/// The names and states of a board after lists of these names, each with one task, were placed.
fn placed(
    board: &mut Board,
    names: &[&str],
    mappings: &[(&str, &str)],
) -> Vec<(String, ColumnState)> {
    let draft = Draft {
        lists: lists(names),
        tasks: (0..names.len())
            .map(|index| Task {
                list: Some(index),
                ..Task::default()
            })
            .collect(),
        ..Draft::default()
    };
    let new: Vec<&Task> = draft.tasks.iter().collect();
    let mappings: Vec<_> = mappings
        .iter()
        .map(|(list, target)| ((*list).to_owned(), (*target).to_owned()))
        .collect();
    board.place_lists(&draft, &new, &mappings).unwrap();
    let shown = |column: &Column| (column.name.clone(), column.state);
    board.columns.iter().map(shown).collect()
}

fn names(columns: &[(String, ColumnState)]) -> Vec<&str> {
    columns.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn new_columns_go_before_done_with_unique_slugs() {
    let mut board = Board::default();
    for (name, state) in [
        ("Done", ColumnState::Done),
        ("待办", ColumnState::Todo),
        ("进行", ColumnState::Todo),
        ("…", ColumnState::Todo),
        ("?", ColumnState::Todo),
        ("Lab", ColumnState::Todo),
        ("Completed", ColumnState::Done),
    ] {
        board.add(name, state);
    }
    let seen: Vec<_> = board
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.slug.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("待办", "dai-ban"),
            ("进行", "jin-xing"),
            ("…", "column"),
            ("?", "column-2"),
            ("Lab", "lab"),
            ("Done", "done"),
            ("Completed", "completed")
        ]
    );
}

#[test]
fn untouched_board_takes_over_the_lists_and_their_order() {
    let mut board = default_board();
    let columns = placed(
        &mut board,
        &["Ideas", "To Do", "Doing", "Testing", "Done"],
        &[],
    );
    assert_eq!(
        names(&columns),
        ["Ideas", "Todo", "In progress", "Testing", "Done"]
    );
    assert_eq!(columns[3].1, ColumnState::Review);
    let removed: Vec<_> = board.removed.iter().map(|column| &column.name).collect();
    assert_eq!(removed, ["Blocked", "In review"]);

    let columns = placed(&mut default_board(), &["Personal", "Lab"], &[]);
    assert_eq!(
        names(&columns),
        ["Personal", "Lab", "In progress", "Done"],
        "work can be started and finished"
    );
    let columns = placed(&mut default_board(), &["Offen", "In Arbeit", "Fertig"], &[]);
    assert_eq!(names(&columns), ["Offen", "In Arbeit", "Fertig"]);
}

#[test]
fn board_in_use_keeps_its_columns() {
    let mut board = default_board();
    board.is_untouched = false;
    let columns = placed(&mut board, &["Done", "Lab", "Doing", "Todo"], &[]);
    assert_eq!(
        names(&columns),
        ["Todo", "In progress", "Blocked", "In review", "Lab", "Done"]
    );
}

#[test]
fn different_lists_become_different_columns() {
    let long = "Milestone 5: Ad hoc queries on the new archive, part";
    let (one, two) = (format!("{long} one"), format!("{long} two"));
    let all = [
        "待办 1",
        "完成 1",
        "C",
        "C++",
        "6/21威尼斯",
        "6/21 (日) 威尼斯",
        &one,
        &two,
        "To Do",
        "todo",
        "TODO",
        "in_progress",
        "Doing",
    ];
    let mut board = default_board();
    let columns = placed(&mut board, &all, &[]);
    // TODO and todo have equal names; a done column exists.
    assert_eq!(columns.len(), all.len() - 1, "{columns:?}");
    let slugs: HashSet<_> = board.columns.iter().map(|column| &column.slug).collect();
    assert_eq!(slugs.len(), columns.len());
    let folded: HashSet<_> = columns.iter().map(|(name, _)| folded(name)).collect();
    assert_eq!(folded.len(), columns.len(), "their names differ as well");
    assert!(same("Terminé", "Termine\u{301}") && !same("Terminé", "Termine"));
    let again = column_names(&lists(&all));
    assert!(
        again
            .iter()
            .all(|name| columns.iter().any(|(column, _)| same(column, name))
                || states::plain(name).is_some())
    );
}

#[test]
fn long_names_are_cut_in_the_middle() {
    let long = "Milestone 5: Ad hoc queries on the new archive, part one: reading";
    let other = long.replace("queries", "reports");
    let names = column_names(&lists(&[long, &other, "Short"]));
    assert_eq!(
        names[0],
        "Milestone 5: Ad hoc queries o…e, part one: reading"
    );
    assert_eq!(names[2], "Short");
    assert!(names.iter().all(|name| name.chars().count() <= NAME));
    let (start, far) = ("x".repeat(40), "y".repeat(40));
    let same = [format!("{start} 1 {far}"), format!("{start} 2 {far}")];
    let names = column_names(&lists(&[&same[0], &same[1]]));
    assert_ne!(names[0], names[1], "a number tells them apart");
}

#[test]
fn mapping_names_a_column_a_state_or_both() {
    let mut board = default_board();
    let columns = placed(
        &mut board,
        &["Lab", "Drill", "Queue", "Done"],
        &[
            ("lab", "doing"),
            ("Drill", "In progress"),
            ("Queue", "Waiting:blocked"),
        ],
    );
    assert_eq!(
        columns,
        [
            ("Lab".to_owned(), ColumnState::Doing),
            ("In progress".to_owned(), ColumnState::Doing),
            ("Waiting".to_owned(), ColumnState::Blocked),
            ("Done".to_owned(), ColumnState::Done),
        ]
    );
}
