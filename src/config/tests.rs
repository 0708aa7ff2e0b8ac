use super::*;
use clap::Parser;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    config: Config,
}

fn config(args: &[&str]) -> Result<Config, clap::Error> {
    Cli::try_parse_from(std::iter::once(&"fortnight").chain(args)).map(|cli| cli.config)
}

#[test]
fn a_public_url_is_a_host_and_nothing_more() {
    for good in [
        "https://board.example.org",
        "http://10.0.0.7:80",
        "https://b.org/",
    ] {
        assert!(public_url(good).is_ok(), "{good}");
    }
    for bad in [
        "board.example.org",
        "ftp://b.org",
        "https://b.org/board",
        "https://b.org/?a",
        "https://me:pw@b.org",
        "",
    ] {
        assert!(public_url(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_collector_is_named_by_its_base_address() {
    let named = |url| {
        Ok(config(&["--otlp-endpoint", url])?
            .otlp_endpoint()
            .map(str::to_owned))
    };
    let named = |url| named(url).map_err(|error: clap::Error| error.kind());
    for (url, base) in [
        ("http://127.0.0.1:4318", Some("http://127.0.0.1:4318")),
        (
            "https://example.org/otlp/",
            Some("https://example.org/otlp"),
        ),
        ("http://[::1]:4318/v1/traces", Some("http://[::1]:4318")),
        ("", None),
    ] {
        assert_eq!(named(url), Ok(base.map(str::to_owned)));
    }
    for bad in [
        "127.0.0.1:4318",
        "grpc://c.org",
        "http://me:pw@c.org",
        "http://c.org?key=k",
    ] {
        assert!(named(bad).is_err(), "{bad}");
    }
}

#[test]
fn without_a_word_it_listens_to_this_machine_alone() {
    assert_eq!(config(&[]).unwrap().listen.to_string(), "127.0.0.1:8042");
}

#[test]
fn links_lead_somewhere_when_it_listens_everywhere() {
    let config = config(&["--listen", "0.0.0.0:80"]).unwrap();
    assert_eq!(config.public_url(config.listen), "http://127.0.0.1:80");
}

#[test]
fn proxies_are_named_one_by_one_or_together() {
    let one_by_one = config(&[
        "--trusted-proxy",
        "10.0.0.0/8",
        "--trusted-proxy",
        "192.0.2.7",
    ])
    .unwrap();
    let together = config(&["--trusted-proxy", "10.0.0.0/8,192.0.2.7"]).unwrap();
    assert_eq!(one_by_one.trusted(), together.trusted());
    assert_eq!(config(&[]).unwrap().trusted(), TrustedProxies::default());
    assert!(config(&["--trusted-proxy", "everybody"]).is_err());
}

#[test]
fn a_password_is_never_shown() {
    let config = config(&["--database-url", "postgres://me:hunter2@db:bad/x"]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    let error = format!("{:#}", config.database().unwrap_err());
    assert!(
        error.contains("DATABASE_URL") && !error.contains("hunter2"),
        "{error}"
    );
}

#[test]
fn the_demo_keeps_beside_the_real_folder_or_in_the_one_that_was_named() {
    let named = config(&["--data-dir", "/srv/board"]).unwrap();
    assert_eq!(named.demo_data_dir().unwrap(), PathBuf::from("/srv/board"));
    let unnamed = Config {
        data_dir: None,
        ..named
    };
    assert_ne!(
        unnamed.demo_data_dir().unwrap(),
        unnamed.data_dir().unwrap()
    );
}

#[test]
fn way_past_a_pooler_needs_a_pooler_and_hides_its_password() {
    let direct = "postgres://me:hunter2@db:bad/x";
    let alone = config(&["--database-listen-url", direct]).unwrap();
    let error = format!("{:#}", alone.database().unwrap_err());
    assert!(error.contains("needs --database-url"), "{error}");
    let pooled = ["--database-url", "postgres://me@pooler/x"];
    let both = config(&[&pooled[..], &["--database-listen-url", direct]].concat()).unwrap();
    let error = format!("{:#}", both.database().unwrap_err());
    assert!(
        error.contains("--database-listen-url") && !error.contains("hunter2"),
        "{error}"
    );
    let read = config(&["--read-database-url", direct]).unwrap();
    let error = format!("{:#}", read.read_database().unwrap_err());
    assert!(
        error.contains("--read-database-url") && !error.contains("hunter2"),
        "{error}"
    );
}
