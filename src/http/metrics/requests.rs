//! How many requests were answered, and how fast.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, histogram::Histogram},
};

/// The upper bounds of the histogram's buckets, in seconds.
const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// What is counted while requests are answered.
pub struct Metrics {
    requests: Requests,
}

/// A histogram for each kind of request.
pub(crate) type Requests = Family<RequestLabels, Histogram, fn() -> Histogram>;

/// What requests are told apart by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    method: &'static str,
    /// The pattern of the URL; `-` where none matched.
    route: String,
    status: u16,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
        }
    }
}

impl Metrics {
    /// The times of all requests so far.
    pub(crate) fn requests(&self) -> Requests {
        self.requests.clone()
    }

    /// Counts an answered request.
    pub(crate) fn count_request(
        &self,
        method: &Method,
        route: &str,
        status: StatusCode,
        time: Duration,
    ) {
        let labels = RequestLabels {
            method: method_name(method),
            route: route.to_owned(),
            status: status.as_u16(),
        };
        self.requests
            .get_or_create(&labels)
            .observe(time.as_secs_f64());
    }
}

/// Anyone can invent methods, and each would be a series of its own.
pub(crate) fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    }
}
