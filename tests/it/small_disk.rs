//! A disk of its own that a test can fill up.

use std::{
    fs::{self, OpenOptions},
    io::{BufRead, BufReader, ErrorKind, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// A file system in memory. It is unmounted when it is dropped, and also if the tests are killed.
pub struct SmallDisk {
    path: PathBuf,
    mounter: Child,
}

impl SmallDisk {
    /// Mounts it, which only root may do: as another user through sudo, if that asks for no password. A run that can do
    /// neither returns `None` and says so; CI and root must be able to.
    pub fn of_megabytes(megabytes: usize) -> Option<Self> {
        let path = tempfile::Builder::new()
            .prefix("fortnight-disk-")
            .tempdir()
            .unwrap()
            .keep();
        // waits until its input is closed
        let script = r#"
            mount -t tmpfs -o "$1" fortnight-test "$0" && echo mounted && cat
            umount -l "$0"
            rmdir "$0"
        "#;
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        // Postgres may run as another user, who needs to pass through
        let options = format!(
            "size={megabytes}m,mode=0711,uid={},gid={}",
            uid.as_raw(),
            gid.as_raw()
        );
        let mut command = if uid.is_root() {
            Command::new("sh")
        } else {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "sh"]);
            sudo
        };
        let mounter = command
            .args(["-c", script])
            .arg(&path)
            .arg(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C is for the tests only
            .process_group(0)
            .spawn();
        let mut said = String::new();
        if let Ok(mut mounter) = mounter {
            BufReader::new(mounter.stdout.take().unwrap())
                .read_line(&mut said)
                .unwrap();
            if said == "mounted\n" {
                return Some(Self { path, mounter });
            }
            let _ = mounter.wait();
        }
        // unless the script has removed it
        let _ = fs::remove_dir(&path);
        let must = uid.is_root() || std::env::var_os("CI").is_some();
        assert!(
            !must,
            "cannot mount a small disk: the right to mount is missing"
        );
        crate::fixtures::report("not tested: a full disk, for which the right to mount is missing");
        None
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }

    /// Takes all space that is left, to the last byte.
    pub fn fill(&self) {
        let mut filler = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.filler())
            .unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            let piece = vec![0; size];
            let error = loop {
                if let Err(error) = filler.write_all(&piece) {
                    break error;
                }
            };
            assert_eq!(error.kind(), ErrorKind::StorageFull);
        }
    }

    /// Makes space.
    pub fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.mounter.stdin.take());
        let _ = self.mounter.wait();
    }
}
