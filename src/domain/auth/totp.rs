//! Codes of authenticator apps (RFC 6238: SHA-1, six digits, half a minute each), and recovery codes.

use anyhow::Context;
use qrcodegen::{QrCode, QrCodeEcc};
use time::OffsetDateTime;
use totp_rs::{Builder, Totp};

use crate::domain::auth::secrets;

/// How many recovery codes a person gets at once.
const RECOVERY_CODES: usize = 10;

/// The length of a recovery code: 80 random bits, too many to find one by its hash.
const RECOVERY_LETTERS: usize = 16;

/// The letters of recovery codes. `l`, `o`, `0` and `1` are left out: they are mistaken for each other.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// More would make the QR code hard to scan.
const LONGEST_ISSUER: usize = 40;

/// Returns a new secret for an app.
pub(crate) fn new_secret() -> anyhow::Result<Vec<u8>> {
    let mut secret = vec![0; 20];
    getrandom::fill(&mut secret).context("system random number generator failed")?;
    Ok(secret)
}

fn totp(secret: &[u8], issuer: &str, account: &str) -> anyhow::Result<Totp> {
    // Both stand before and after a colon.
    let issuer = issuer.replace(':', " ");
    let issuer: String = issuer.trim().chars().take(LONGEST_ISSUER).collect();
    Builder::new()
        .with_secret(secret.to_vec())
        .with_issuer(Some(issuer))
        .with_account_name(account.replace(':', " "))
        .build()
        .map_err(|error| anyhow::anyhow!("authenticator secret: {error}"))
}

/// The half minute whose code this is: the current one, the one before or the one after.
pub(crate) fn step_of(
    secret: &[u8],
    code: &str,
    at: OffsetDateTime,
) -> anyhow::Result<Option<i64>> {
    let seconds = u64::try_from(at.unix_timestamp()).unwrap_or_default();
    let step = totp(secret, "", "")?.check(code, seconds);
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

/// How a person brings a secret into their app.
pub(crate) struct AppSetup {
    /// `otpauth://totp/…`, which opens an app on the same device.
    pub(crate) link: String,
    /// The secret in groups of four letters, to be typed.
    pub(crate) secret: String,
    /// The link as a QR code, unless it is too long for one.
    pub(crate) qr: Option<QrPicture>,
}

/// A QR code as a path of squares of 1 × 1, for an SVG element.
pub(crate) struct QrPicture {
    /// The length of a side, with the light border that scanners need.
    pub(crate) side: i32,
    pub(crate) path: String,
}

/// Returns what an app needs to know of a secret. `issuer` and `account` are what it calls it.
pub(crate) fn app_setup(secret: &[u8], issuer: &str, account: &str) -> anyhow::Result<AppSetup> {
    let totp = totp(secret, issuer, account)?;
    let link = totp
        .to_url()
        .map_err(|error| anyhow::anyhow!("authenticator link: {error}"))?;
    let qr = QrCode::encode_text(&link, QrCodeEcc::Medium).ok();
    Ok(AppSetup {
        secret: in_groups(&totp.secret().to_base32(), " "),
        qr: qr.as_ref().map(draw),
        link,
    })
}

/// The width of the light border, in squares.
const BORDER: i32 = 4;

fn draw(qr: &QrCode) -> QrPicture {
    let mut path = String::new();
    for y in 0..qr.size() {
        for x in (0..qr.size()).filter(|x| qr.get_module(*x, y)) {
            path.push_str(&format!("M{} {}h1v1h-1z", x + BORDER, y + BORDER));
        }
    }
    QrPicture {
        side: qr.size() + 2 * BORDER,
        path,
    }
}

/// Returns new recovery codes as a person reads them: `abcd-efgh-ijkm-npqr`.
pub(crate) fn new_recovery_codes() -> anyhow::Result<Vec<String>> {
    (0..RECOVERY_CODES)
        .map(|_| {
            let mut bits = [0; RECOVERY_LETTERS];
            getrandom::fill(&mut bits).context("system random number generator failed")?;
            let letters = bits
                .iter()
                .map(|bits| LETTERS[usize::from(bits % 32)] as char);
            Ok(in_groups(&letters.collect::<String>(), "-"))
        })
        .collect()
}

/// The digest of a recovery code, however its groups and letters were entered.
pub(crate) fn recovery_digest(code: &str) -> Vec<u8> {
    secrets::digest(&plain(code).to_lowercase())
}

/// A code without the spaces and dashes that people and apps put into it.
pub(crate) fn plain(code: &str) -> String {
    let is_letter = |letter: &char| !letter.is_whitespace() && *letter != '-';
    code.chars().filter(is_letter).take(100).collect()
}

fn in_groups(text: &str, between: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let groups: Vec<String> = letters
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect();
    groups.join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    /// The values of RFC 6238, appendix B, of which apps show the last six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = b"12345678901234567890";
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let own = Some(seconds / 30);
            assert_eq!(step_of(secret, code, at(seconds)).unwrap(), own);
            // clocks may differ by half a minute
            for (other, expected) in [(-30, own), (30, own), (60, None)] {
                let found = step_of(secret, code, at(seconds + other)).unwrap();
                assert_eq!(found, expected, "{code} {other}");
            }
        }
        assert_eq!(
            step_of(secret, "081804", at(1_111_111_049)).unwrap(),
            None,
            "a minute early"
        );
        for wrong in [
            "287083",
            "",
            "28708",
            "+287082",
            "2870822",
            "abcdef",
            "٢٨٧٠٨٢",
        ] {
            assert_eq!(step_of(secret, wrong, at(59)).unwrap(), None, "{wrong}");
        }
    }

    #[test]
    fn apps_get_link_secret_and_picture() {
        let setup = app_setup(
            b"12345678901234567890",
            "Hartmann: Räder",
            "elif@example.org",
        )
        .unwrap();
        assert_eq!(setup.secret, "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert!(
            setup
                .link
                .starts_with("otpauth://totp/Hartmann%20%20R%C3%A4der:elif"),
            "{}",
            setup.link
        );
        assert!(
            setup
                .link
                .contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
        );
        let picture = setup.qr.unwrap();
        assert!(picture.side > 30 && picture.path.starts_with("M4 4h1v1h-1z"));
        // the longest names have a link, if perhaps no picture
        let long = app_setup(
            &[7; 20],
            &"語".repeat(100),
            &format!("{}@x", "語".repeat(252)),
        );
        assert!(long.unwrap().link.starts_with("otpauth://"));
    }

    #[test]
    fn recovery_codes_differ_and_may_be_typed_in_any_form() {
        let codes = new_recovery_codes().unwrap();
        let digests: std::collections::BTreeSet<_> =
            codes.iter().map(|code| recovery_digest(code)).collect();
        assert_eq!(digests.len(), RECOVERY_CODES);
        let code = &codes[0];
        assert_eq!(code.len(), 19);
        let typed = format!(" {} ", code.replace('-', " ").to_uppercase());
        assert_eq!(recovery_digest(&typed), recovery_digest(code));
        assert_eq!(plain("123 456"), "123456");
    }
}
