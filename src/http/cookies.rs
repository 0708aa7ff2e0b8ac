//! Reading cookies and writing the session cookie.

use axum::http::HeaderMap;

use crate::domain::auth::sessions::LONGEST;

/// The value of a request's cookie.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(axum::http::header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

/// The name of the session cookie. Browsers bind `__Host-` cookies to https and to this host; plain
/// http on loopback cannot use them.
pub fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-session" } else { "session" }
}

/// A `Set-Cookie` value that stores the session, or deletes it if the value is empty.
pub fn set_cookie(https: bool, value: &str) -> String {
    let seconds = if value.is_empty() {
        0
    } else {
        LONGEST.whole_seconds()
    };
    let secure = if https { "; Secure" } else { "" };
    format!(
        "{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}",
        cookie_name(https)
    )
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};
    use proptest::prelude::*;

    use super::*;
    use crate::http::extract::viewer::credentials;

    proptest! {
        #[test]
        fn cookie_is_found_among_others(
            before in "[ -~&&[^=]]{0,20}", after in "[ -~]{0,20}", value in "[A-Za-z0-9_-]{0,43}", https in any::<bool>()
        ) {
            let name = cookie_name(https);
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(&format!("{before}; x{name}=no; {name}={value}; {after}")).unwrap());
            prop_assert_eq!(cookie(&headers, name), Some(value.as_str()));
            prop_assert_eq!(credentials(&headers, https).is_some(), !value.is_empty());
            // over https a cookie with the plain name is ignored, and the other way round
            prop_assert!(credentials(&headers, !https).is_none());
        }

        #[test]
        fn invalid_headers_do_not_panic(cookies in prop::collection::vec(any::<u8>(), 0..80), bearer in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&cookies) {
                headers.append(header::COOKIE, value);
            }
            for https in [true, false] {
                let _ = credentials(&headers, https);
            }
            if let Ok(value) = HeaderValue::from_bytes(&bearer) {
                headers.insert(header::AUTHORIZATION, value);
                // a token is not taken for a cookie
                prop_assert!(credentials(&headers, false).is_none_or(|credentials| !credentials.cookie));
            }
            let mut bytes = b"Bearer ".to_vec();
            bytes.extend_from_slice(&bearer);
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.insert(header::AUTHORIZATION, value);
                let _ = credentials(&headers, true);
            }
        }
    }
}
