//! How the background jobs of this program went.

use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{Mutex, PoisonError},
};

use time::OffsetDateTime;

/// The last run of each job.
#[derive(Default)]
pub struct JobRuns(Mutex<BTreeMap<&'static str, JobRun>>);

/// How a job went.
#[derive(Clone, Debug, Default)]
pub struct JobRun {
    /// When it last succeeded.
    pub succeeded_at: Option<OffsetDateTime>,
    /// When and why the last run failed, if it did.
    pub failure: Option<(OffsetDateTime, String)>,
    /// How often it failed since the program started.
    pub failures: u64,
}

impl JobRuns {
    /// Notes how a run of a job ended, and logs a failure.
    pub(crate) fn note<E: Display>(
        &self,
        job: &'static str,
        now: OffsetDateTime,
        outcome: Result<(), E>,
    ) {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let run = runs.entry(job).or_default();
        match outcome {
            Ok(()) => {
                run.succeeded_at = Some(now);
                run.failure = None;
            }
            Err(error) => {
                tracing::warn!(job, "a background job failed: {error:#}");
                run.failure = Some((now, format!("{error:#}")));
                run.failures += 1;
            }
        }
    }

    /// All jobs that have run, by name.
    pub(crate) fn all(&self) -> BTreeMap<&'static str, JobRun> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn success_ends_a_failure_but_not_its_count() {
        let (runs, now) = (JobRuns::default(), datetime!(2026-11-29 20:00 UTC));
        runs.note("sprints", now, Err("no database"));
        let run = &runs.all()["sprints"];
        assert_eq!(run.failure, Some((now, "no database".to_owned())));
        assert_eq!((run.succeeded_at, run.failures), (None, 1));
        runs.note("sprints", now, Ok::<_, String>(()));
        let run = &runs.all()["sprints"];
        assert!(run.failure.is_none() && run.succeeded_at == Some(now));
        assert_eq!(run.failures, 1);
    }
}
