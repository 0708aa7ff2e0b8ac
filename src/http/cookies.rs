//! Reading cookies.

use axum::http::HeaderMap;

use crate::domain::auth::sessions::LONGEST;

/// The value of a cookie, if the request has it.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(axum::http::header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

/// The cookie's name: browsers hold `__Host-` ones to https and to this host alone; loopback http cannot have it.
pub fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-session" } else { "session" }
}

/// A `Set-Cookie` that keeps the session, or with an empty value forgets it.
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
    use crate::http::extract::viewer::brought;

    proptest! {
        #[test]
        fn whatever_stands_around_it_the_cookie_is_found_and_nothing_else_is(
            before in "[ -~&&[^=]]{0,20}", after in "[ -~]{0,20}", value in "[A-Za-z0-9_-]{0,43}", https in any::<bool>()
        ) {
            let name = cookie_name(https);
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(&format!("{before}; x{name}=no; {name}={value}; {after}")).unwrap());
            prop_assert_eq!(cookie(&headers, name), Some(value.as_str()));
            prop_assert_eq!(brought(&headers, https).is_some(), !value.is_empty());
            // where people come by https, a cookie of the plain name is none, and the other way round
            prop_assert!(brought(&headers, !https).is_none());
        }

        #[test]
        fn no_bytes_of_a_header_make_it_panic(cookies in prop::collection::vec(any::<u8>(), 0..80), bearer in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&cookies) {
                headers.append(header::COOKIE, value);
            }
            for https in [true, false] {
                let _ = brought(&headers, https);
            }
            if let Ok(value) = HeaderValue::from_bytes(&bearer) {
                headers.insert(header::AUTHORIZATION, value);
                // who brings a token is nobody's cookie
                prop_assert!(brought(&headers, false).is_none_or(|brought| !brought.cookie));
            }
            let mut bytes = b"Bearer ".to_vec();
            bytes.extend_from_slice(&bearer);
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.insert(header::AUTHORIZATION, value);
                let _ = brought(&headers, true);
            }
        }
    }
}
