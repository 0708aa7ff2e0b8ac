//! The address of a project, as people copy it.

use reqwest::Url;

use crate::domain::{
    error::{Problem, Result},
    github_projects::connected::GITHUB_API,
};

/// Where a project is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProjectAddress {
    /// Of the GraphQL API.
    pub(crate) api_url: String,
    pub(crate) owner: String,
    pub(crate) number: i32,
}

/// Reads the address of a project's page, at GitHub or at a GitHub Enterprise Server.
///
/// # Errors
/// `Invalid` if it is none.
pub(crate) fn parse(text: &str) -> Result<ProjectAddress> {
    let text = text.trim();
    let malformed = || {
        let message = "Enter the address of the project's page, such as https://github.com/orgs/acme/projects/7.";
        Problem::field("address", message)
    };
    let text = match text.contains("://") {
        true => text.to_owned(),
        false => format!("https://{text}"),
    };
    let url = Url::parse(&text).map_err(|_| malformed())?;
    let parts: Vec<&str> = url.path_segments().into_iter().flatten().collect();
    // What follows the number is a view of the project.
    let ["orgs" | "users", owner, "projects", number, ..] = parts.as_slice() else {
        return Err(malformed());
    };
    let number = number.parse().ok().filter(|number| *number > 0);
    let origin = url.origin().ascii_serialization();
    Ok(ProjectAddress {
        api_url: match url.host_str() {
            Some("github.com" | "www.github.com") => GITHUB_API.to_owned(),
            // As GitHub Enterprise Server has it.
            _ => format!("{origin}/api/graphql"),
        },
        owner: (*owner).to_owned(),
        number: number.ok_or_else(malformed)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_read_as_people_copy_it() {
        let of = |text: &str| {
            let address = parse(text).ok()?;
            Some((address.api_url, address.owner, address.number))
        };
        let github = Some((GITHUB_API.to_owned(), "acme".to_owned(), 7));
        assert_eq!(of("https://github.com/orgs/acme/projects/7"), github);
        assert_eq!(of(" github.com/users/acme/projects/7/views/2?x=1 "), github);
        let enterprise = of("https://git.example.com/orgs/acme/projects/12");
        assert_eq!(enterprise.unwrap().0, "https://git.example.com/api/graphql");
        for wrong in [
            "",
            "acme/7",
            "https://github.com/acme/alerts",
            "https://github.com/orgs/acme/projects/0",
            "https://github.com/orgs/acme/projects/seven",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
