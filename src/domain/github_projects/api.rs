//! Asks GitHub's GraphQL API, and reads what its answers mean.

use reqwest::{Method, Request, StatusCode, Url, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::{
    config::secret_text::SecretText,
    domain::{
        outbound::{Answer, OutgoingClient, OutgoingError},
        outbox::Again,
    },
};

/// The wait if GitHub limits requests without saying for how long.
const USUAL_WAIT: Duration = Duration::MINUTE;

/// The longest wait that is believed.
const LONGEST_WAIT: Duration = Duration::hours(2);

/// Why GitHub did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// For people, without a secret.
    pub(crate) message: String,
    pub(crate) again: Again,
    /// Whether the answer was longer than is read.
    pub(crate) is_too_large: bool,
}

/// An API of GitHub with a token for it, and what asking it has cost.
pub(crate) struct Api<'c> {
    client: &'c OutgoingClient,
    url: Url,
    token: SecretText,
    now: OffsetDateTime,
    /// The points that were counted.
    pub(crate) points: i32,
    /// The requests that change something.
    pub(crate) writes: i32,
    /// The requests that were answered.
    pub(crate) answers: i32,
}

#[derive(Deserialize)]
struct GraphQlAnswer {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<GraphQlError>,
}

#[derive(Debug, Deserialize)]
struct GraphQlError {
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    path: Vec<Value>,
}

/// What was asked for, and the indexes of nodes that do not exist. Other nodes that are null may not be seen.
struct Data {
    value: Value,
    missing: Vec<u64>,
}

impl<'c> Api<'c> {
    /// The API at this address.
    pub(crate) fn new(
        client: &'c OutgoingClient,
        url: &str,
        token: &SecretText,
        now: OffsetDateTime,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            client,
            url: Url::parse(url).map_err(|_| never("the address of the API is not a URL"))?,
            token: token.clone(),
            now,
            points: 0,
            writes: 0,
            answers: 0,
        })
    }

    /// Executes a document, and returns its data. What does not exist is null in it.
    ///
    /// # Errors
    /// What went wrong, and whether to ask again.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &mut self,
        document: &str,
        variables: Value,
    ) -> Result<T, ApiError> {
        Ok(self.ask_for_nodes(document, variables).await?.0)
    }

    /// As `ask`, and returns the indexes of those nodes that do not exist.
    ///
    /// # Errors
    /// As `ask`.
    pub(super) async fn ask_for_nodes<T: DeserializeOwned>(
        &mut self,
        document: &str,
        variables: Value,
    ) -> Result<(T, Vec<u64>), ApiError> {
        let is_write = document.starts_with("mutation");
        self.writes += i32::from(is_write);
        let answer = self
            .client
            .send(self.request(document, &variables)?)
            .await
            .map_err(|error| not_sent(&error))?;
        let Data {
            value: data,
            missing,
        } = data_of(&answer, is_write, self.now)?;
        self.answers += 1;
        let cost = data.pointer("/rateLimit/cost").and_then(Value::as_i64);
        self.points += cost.and_then(|cost| i32::try_from(cost).ok()).unwrap_or(1);
        let read = serde_json::from_value(data).map_err(|error| ApiError {
            message: format!("GitHub's answer was not understood: {error}"),
            again: Again::Later,
            is_too_large: false,
        })?;
        Ok((read, missing))
    }

    fn request(&self, document: &str, variables: &Value) -> Result<Request, ApiError> {
        let mut request = Request::new(Method::POST, self.url.clone());
        let bearer = format!("Bearer {}", self.token.text());
        let mut bearer = header::HeaderValue::from_str(&bearer)
            .map_err(|_| never("the token contains characters that no token has"))?;
        bearer.set_sensitive(true);
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, bearer);
        let json = header::HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        let body = json!({ "query": document, "variables": variables });
        *request.body_mut() = Some(body.to_string().into());
        Ok(request)
    }
}

fn never(message: &str) -> ApiError {
    ApiError {
        message: message.to_owned(),
        again: Again::Never,
        is_too_large: false,
    }
}

fn not_sent(error: &OutgoingError) -> ApiError {
    let again = match error {
        OutgoingError::NotAnAddress(_)
        | OutgoingError::NotAHost(_)
        | OutgoingError::NotEncrypted
        | OutgoingError::NotEncryptedMail(_)
        | OutgoingError::Forbidden { .. } => Again::Never,
        OutgoingError::UnknownHost(_)
        | OutgoingError::TooSlow { .. }
        | OutgoingError::TooLarge { .. }
        | OutgoingError::Failed { .. } => Again::Later,
    };
    ApiError {
        message: error.to_string(),
        again,
        is_too_large: matches!(error, OutgoingError::TooLarge { .. }),
    }
}

/// The data of an answer. GitHub reports errors both by status and, with status 200, in the body. What a query asks for
/// and does not exist, or may not be seen, is null; of what is written, that is an error.
fn data_of(answer: &Answer, is_write: bool, now: OffsetDateTime) -> Result<Data, ApiError> {
    let status = answer.status;
    if status == StatusCode::UNAUTHORIZED {
        return Err(never("GitHub does not accept the token"));
    }
    let is_limited = matches!(
        status,
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
    ) && (answer.headers.contains_key(header::RETRY_AFTER)
        || is_used_up(answer)
        || String::from_utf8_lossy(&answer.body).contains("rate limit"));
    if is_limited {
        return Err(limited(answer, now));
    }
    if !status.is_success() {
        let again = match status.is_client_error() {
            true if status != StatusCode::REQUEST_TIMEOUT => Again::Never,
            _ => Again::Later,
        };
        let message = format!("GitHub answered {status}");
        return Err(ApiError {
            message,
            again,
            is_too_large: false,
        });
    }
    let read: GraphQlAnswer = serde_json::from_slice(&answer.body).map_err(|_| ApiError {
        message: "GitHub answered something else than JSON".to_owned(),
        again: Again::Later,
        is_too_large: false,
    })?;
    let is_kind = |error: &GraphQlError, kind: &str| error.r#type.as_deref() == Some(kind);
    let is_null = |error: &GraphQlError| {
        !is_write && (is_kind(error, "NOT_FOUND") || is_kind(error, "FORBIDDEN"))
    };
    if let Some(error) = read.errors.iter().find(|error| !is_null(error)) {
        return Err(meaning_of(error, answer, now));
    }
    let missing = read
        .errors
        .iter()
        .filter(|error| is_kind(error, "NOT_FOUND"));
    let missing = missing.filter_map(|error| match error.path.as_slice() {
        [list, index, ..] if list == "nodes" => index.as_u64(),
        _ => None,
    });
    let missing: Vec<u64> = missing.collect();
    match read.data {
        Some(value) if !value.is_null() => Ok(Data { value, missing }),
        _ => {
            let message = read.errors.first().map_or("", |error| &error.message);
            Err(never(&format!("GitHub says: {}", shortened(message))))
        }
    }
}

fn meaning_of(error: &GraphQlError, answer: &Answer, now: OffsetDateTime) -> ApiError {
    let says = error.message.to_lowercase();
    let again = match error.r#type.as_deref() {
        Some("RATE_LIMITED") => return limited(answer, now),
        _ if says.contains("rate limit") => return limited(answer, now),
        // Conflicts of concurrent writes, and time-outs.
        _ if says.contains("try again") || says.contains("something went wrong") => Again::Later,
        Some("SERVICE_UNAVAILABLE" | "LOADING" | "INTERNAL") => Again::Later,
        _ => Again::Never,
    };
    ApiError {
        message: format!("GitHub says: {}", shortened(&error.message)),
        again,
        is_too_large: false,
    }
}

fn is_used_up(answer: &Answer) -> bool {
    answer
        .headers
        .get("x-ratelimit-remaining")
        .is_some_and(|left| left == "0")
}

/// How long GitHub wants us to wait: until a time if the points are used up, and otherwise a number of seconds.
fn limited(answer: &Answer, now: OffsetDateTime) -> ApiError {
    let number = |name: &str| -> Option<i64> {
        answer.headers.get(name)?.to_str().ok()?.trim().parse().ok()
    };
    let wait = match (answer.retry_after(now), number("x-ratelimit-reset")) {
        (Some(wait), _) => wait,
        (None, Some(reset)) if is_used_up(answer) => {
            Duration::seconds(reset - now.unix_timestamp())
        }
        _ => USUAL_WAIT,
    };
    ApiError {
        message: "GitHub limits how often it is asked".to_owned(),
        again: Again::After(wait.clamp(Duration::SECOND, LONGEST_WAIT)),
        is_too_large: false,
    }
}

fn shortened(message: &str) -> String {
    message.chars().take(200).collect()
}
