//! Two major versions of Postgres on one machine: the bundled one is upgraded, and backups go from one to the other.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, Permissions},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use fortnight::db::backup::{archive, manifest::Contents};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::{
    cluster,
    lifecycle::{create_by_command_line, new_browser, sign_in},
    program::{Place, wait_until},
};

/// Where bin/test puts a second version.
const UNPACKED: &str = "/usr/local/lib/fortnight-tests/usr/lib/postgresql";

/// The programs of a major version.
#[derive(Clone, Debug)]
struct Version {
    folder: PathBuf,
    major: u32,
}

/// Two major versions.
struct Versions {
    old: Version,
    new: Version,
    /// Which one Fortnight finds by itself.
    is_new_found: bool,
    /// The user and group that run Postgres.
    runs_as: (u32, u32),
}

impl Versions {
    async fn find() -> Self {
        let socket = cluster::create_database().await.connect_options();
        let socket = socket.get_socket().unwrap().clone();
        let pid = fs::read_to_string(socket.with_file_name("postgres").join("postmaster.pid"));
        let pid = pid.unwrap().lines().next().unwrap().to_owned();
        let found = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
        let found = version_in(found.parent().unwrap()).unwrap();
        let inside = |parent: &str| {
            let entries = fs::read_dir(parent).into_iter().flatten();
            entries.map(|entry| entry.unwrap().path().join("bin"))
        };
        let other = env::var_os("OTHER_POSTGRES")
            .map(PathBuf::from)
            .into_iter()
            .chain(inside(UNPACKED))
            .chain(inside("/usr/lib/postgresql"))
            .filter_map(|folder| version_in(&folder))
            .find(|version| version.major != found.major)
            .expect("a second major version of Postgres, which bin/test installs; or its programs' directory in OTHER_POSTGRES");
        let owner = fs::metadata(&socket).unwrap();
        let is_new_found = found.major > other.major;
        let (old, new) = if is_new_found {
            (other, found)
        } else {
            (found, other)
        };
        Self {
            old,
            new,
            is_new_found,
            runs_as: (owner.uid(), owner.gid()),
        }
    }

    /// A place where both are on PATH.
    fn place(&self) -> Place {
        let rest = env::var("PATH").unwrap();
        let [old, new] = [&self.old, &self.new].map(|version| version.folder.display());
        Place::new().with_variables(&[("PATH", &format!("{old}:{new}:{rest}"))])
    }

    /// Creates the bundled cluster of a place with one of them.
    fn create_cluster(&self, place: &Place, version: &Version) {
        let folder = place.data_dir().join("postgres");
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(place.data_dir(), Permissions::from_mode(0o711)).unwrap();
        let mut initdb = Command::new(version.folder.join("initdb"));
        if rustix::process::geteuid().is_root() {
            let (user, group) = self.runs_as;
            chown(&folder, Some(user), Some(group)).unwrap();
            initdb.uid(user).gid(group);
        }
        let options = "--username=fortnight --auth=peer --encoding=UTF8 --locale=C --lc-ctype=C.UTF-8 --no-sync";
        initdb.arg("-D").arg(folder).args(options.split(' '));
        let output = initdb.current_dir("/").output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

fn version_in(folder: &Path) -> Option<Version> {
    let output = Command::new(folder.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    let version = String::from_utf8(output.stdout).unwrap();
    let major = version.split(' ').nth(2)?.split('.').next()?;
    Some(Version {
        folder: folder.to_owned(),
        major: major.parse().ok()?,
    })
}

/// The version of a place's cluster.
fn version_of(cluster: &Path) -> u32 {
    let version = fs::read_to_string(cluster.join("PG_VERSION")).unwrap();
    version.trim().parse().unwrap()
}

/// A database with rows in every table.
fn fixture() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/schema-1.backup");
    file.to_str().unwrap().to_owned()
}

/// Backs a place up, and returns the file with the contents of every table.
async fn contents(
    place: &Place,
    folder: &TempDir,
    name: &str,
) -> (String, BTreeMap<String, Contents>) {
    let file = folder.path().join(name).to_str().unwrap().to_owned();
    place.said(&["backup", &file]).await;
    let manifest = archive::check(Path::new(&file), i64::MAX).unwrap();
    (file, manifest.tables)
}

#[tokio::test]
async fn newer_postgres_takes_over_everything() {
    let versions = Versions::find().await;
    let (place, folder) = (versions.place(), TempDir::new().unwrap());
    versions.create_cluster(&place, &versions.old);
    place.said(&["restore", &fixture()]).await;
    let mut server = place.serve().await;
    create_by_command_line(&place, "ada", "crew", "CRW").await;
    let browser = new_browser();
    sign_in(&browser, &server, "ada").await;
    let reason = place.refused(&["upgrade-postgres"]).await;
    assert!(reason.contains("stop it first"), "{reason}");
    server.signal(Signal::TERM);
    server.wait_for_exit().await.unwrap();
    let (_, before) = contents(&place, &folder, "before").await;
    assert!(before["sessions"].rows > 0);

    let (old, new) = (versions.old.major, versions.new.major);
    let done = place.said(&["upgrade-postgres"]).await;
    let kept = place.data_dir().join(format!("postgres-{old}"));
    assert!(
        done.contains(&format!(
            "from Postgres {old} to {new}: “Platform” with 9 people"
        )),
        "{done}"
    );
    assert!(
        done.contains(&format!("The old one is in {}", kept.display())),
        "{done}"
    );
    assert_eq!(version_of(&kept), old);
    assert_eq!(version_of(&place.data_dir().join("postgres")), new);
    assert!(!place.data_dir().join("upgrade").exists());

    let (file, after) = contents(&place, &folder, "after").await;
    assert_eq!(after, before);
    place.said(&["verify", &file]).await;
    // she is still signed in
    let mut second = place.serve().await;
    let board = browser.get(format!("{}/teams/crew", second.url));
    let board = board.send().await.unwrap();
    assert_eq!(board.status(), 200);
    assert!(board.url().path().starts_with("/teams/crew"));
    second.signal(Signal::TERM);
    second.wait_for_exit().await.unwrap();
    let again = place.said(&["upgrade-postgres"]).await;
    assert!(again.contains("no newer version is installed"), "{again}");
}

#[tokio::test]
async fn killed_upgrade_leaves_the_old_postgres_and_can_be_repeated() {
    let versions = Versions::find().await;
    let (place, folder) = (versions.place(), TempDir::new().unwrap());
    versions.create_cluster(&place, &versions.old);
    place.said(&["restore", &fixture()]).await;
    let (_, before) = contents(&place, &folder, "before").await;
    let cluster = place.data_dir().join("postgres");
    let beside = place.data_dir().join("upgrade");
    for made in ["postgres.new-", "postgres", "copy.backup"] {
        let mut upgrade = place.spawn(&["upgrade-postgres"]);
        wait_until(made, async || {
            let names = fs::read_dir(&beside).into_iter().flatten().flatten();
            let mut names = names.map(|entry| entry.file_name().into_string().unwrap());
            names.any(|name| name == made || made.ends_with('-') && name.starts_with(made))
        })
        .await;
        upgrade.kill().await.unwrap();
        assert_eq!(version_of(&cluster), versions.old.major, "{made}");
    }
    // the old one goes on meanwhile
    let (_, meanwhile) = contents(&place, &folder, "meanwhile").await;
    assert_eq!(meanwhile, before);

    let reason = place
        .refused(&["upgrade-postgres", "--old-bin", "/usr/bin"])
        .await;
    assert!(
        reason.contains("/usr/bin is not a directory with the programs"),
        "{reason}"
    );
    let new = versions.new.folder.to_str().unwrap();
    let reason = place.refused(&["upgrade-postgres", "--old-bin", new]).await;
    let made_by = format!("made by Postgres {}", versions.old.major);
    assert!(reason.contains(&made_by), "{reason}");
    let old = versions.old.folder.to_str().unwrap();
    place.said(&["upgrade-postgres", "--old-bin", old]).await;
    assert_eq!(version_of(&cluster), versions.new.major);
    // as if killed between the two renames
    fs::rename(&cluster, place.data_dir().join("postgres.next")).unwrap();
    let (_, after) = contents(&place, &folder, "after").await;
    assert_eq!(after, before);
    assert_eq!(version_of(&cluster), versions.new.major);
}

#[tokio::test]
async fn data_of_another_postgres_says_what_to_do() {
    let versions = Versions::find().await;
    let (found, other) = if versions.is_new_found {
        (&versions.new, &versions.old)
    } else {
        (&versions.old, &versions.new)
    };
    let place = Place::new();
    versions.create_cluster(&place, other);
    let reason = place.refused(&["serve"]).await;
    let expected = if versions.is_new_found {
        "run 'fortnight upgrade-postgres'".to_owned()
    } else {
        format!("install Postgres {}", other.major)
    };
    assert!(
        reason.contains(&format!("made by Postgres {}", other.major))
            && reason.contains(&format!("Postgres {}: {expected}", found.major)),
        "{reason}"
    );
}

/// pg_restore 17 sets what Postgres 16 does not know.
#[tokio::test]
async fn backup_of_a_newer_postgres_is_restored_into_an_older_one() {
    let versions = Versions::find().await;
    let (newer, older) = (versions.place(), versions.place());
    let folder = TempDir::new().unwrap();
    versions.create_cluster(&newer, &versions.new);
    newer.said(&["restore", &fixture()]).await;
    let (file, _) = contents(&newer, &folder, "newer").await;
    versions.create_cluster(&older, &versions.old);
    older.said(&["verify", &file]).await;
    let done = older.said(&["restore", &file]).await;
    assert!(done.contains("with 8 people and 83 tasks"), "{done}");
    // as when the machine has the older one only
    if !versions.is_new_found {
        let place = Place::new();
        let reason = place.refused(&["restore", &file]).await;
        let package = format!(
            "install the package postgresql-client-{}",
            versions.new.major
        );
        assert!(
            reason.contains("nothing was restored or changed") && reason.contains(&package),
            "{reason}"
        );
        place.said(&["restore", &fixture()]).await;
    }
}
