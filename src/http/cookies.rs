//! Cookies: sessions, opened share links and the theme.

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite};
use time::Duration;

use crate::domain::{
    auth::{devices::REMEMBERED_FOR, pending_sign_ins::VALID_FOR, sessions::LONGEST},
    error::Result,
    policy::share_links::{self, LockedLink},
};

/// The value of a request's cookie.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(std::result::Result::ok)
        .find(|cookie| cookie.name() == name)
        .and_then(|cookie| cookie.value_raw())
}

/// Adds a `Set-Cookie` header to a response.
pub(crate) fn set(headers: &mut HeaderMap, cookie: &Cookie<'_>) -> Result<()> {
    let value = HeaderValue::from_str(&cookie.to_string()).map_err(anyhow::Error::from)?;
    headers.append(header::SET_COOKIE, value);
    Ok(())
}

/// The name of the session cookie. Browsers bind `__Host-` cookies to https and to this host; plain
/// http on loopback cannot use them.
pub(crate) fn session_name(https: bool) -> &'static str {
    if https { "__Host-session" } else { "session" }
}

/// The cookie that stores a session, or deletes it if the value is empty.
pub(crate) fn session(https: bool, value: &str) -> Cookie<'static> {
    build(session_name(https), value, "/", LONGEST, https)
}

/// The cookie that remembers the theme: `light`, `dark`, or empty for the system's.
pub(crate) fn theme(https: bool, theme: &str) -> Cookie<'static> {
    build("theme", theme, "/", Duration::days(365), https)
}

/// The cookie that remembers the entered password of a share link, for this link only.
pub(crate) fn share_link(link: &LockedLink, https: bool) -> Cookie<'static> {
    let (name, path) = (share_links::cookie_name(link.id), link.path());
    build(&name, &link.proof(), &path, Duration::days(7), https)
}

/// The name of the cookie of a sign-in at an OpenID provider.
pub(crate) fn openid_name(https: bool) -> &'static str {
    if https { "__Host-openid" } else { "openid" }
}

/// The cookie of a sign-in at an OpenID provider, until the browser returns; an empty value deletes it.
pub(crate) fn openid(https: bool, value: &str) -> Cookie<'static> {
    build(openid_name(https), value, "/", Duration::minutes(10), https)
}

/// The name of the cookie of a sign-in that waits for a code.
pub(crate) fn pending_name(https: bool) -> &'static str {
    if https { "__Host-sign-in" } else { "sign-in" }
}

/// The cookie of a sign-in that waits for a code; an empty value deletes it.
pub(crate) fn pending(https: bool, value: &str) -> Cookie<'static> {
    build(pending_name(https), value, "/", VALID_FOR, https)
}

/// The name of the cookie by which a browser is known to the accounts that signed in with it.
pub(crate) fn device_name(https: bool) -> &'static str {
    if https { "__Host-device" } else { "device" }
}

/// That cookie.
pub(crate) fn device(https: bool, value: &str) -> Cookie<'static> {
    build(device_name(https), value, "/", REMEMBERED_FOR, https)
}

fn build(name: &str, value: &str, path: &str, age: Duration, https: bool) -> Cookie<'static> {
    let age = if value.is_empty() {
        Duration::ZERO
    } else {
        age
    };
    let mut cookie = Cookie::build((name.to_owned(), value.to_owned()))
        .path(path.to_owned())
        .max_age(age)
        .http_only(true)
        .same_site(SameSite::Lax);
    if https {
        cookie = cookie.secure(true);
    }
    cookie.build()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::extract::viewer::credentials;

    proptest! {
        #[test]
        fn cookie_is_found_among_others(
            before in "[ -~&&[^=]]{0,20}", after in "[ -~]{0,20}", value in "[A-Za-z0-9_-]{0,43}", https in any::<bool>()
        ) {
            let name = session_name(https);
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
