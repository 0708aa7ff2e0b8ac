//! Figures that differ by one label.

use prometheus_client::metrics::{family::Family, gauge::Gauge};

/// A figure by the value of a label.
pub(super) type Series = Family<Vec<(&'static str, String)>, Gauge>;

/// Sets the figure for a value of its label.
pub(super) fn put(series: &Series, label: &'static str, name: &str, value: i64) {
    series
        .get_or_create(&vec![(label, name.to_owned())])
        .set(value);
}
