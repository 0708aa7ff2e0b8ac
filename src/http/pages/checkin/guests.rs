//! Share links and public pages: what people without an account can see.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    domain::{
        auth::passwords,
        boards::{
            self, Column,
            filters::{sql::ResolvedSprint, terms::Filter},
        },
        checkin::summary::{for_guests, goal_for_guests},
        column_state::ColumnState,
        error::{Problem, Result},
        events::audit_log::{self, AuditEntry},
        goals::{self, Goal},
        humanize,
        policy::share_links::{Guest, ShareLinkEntry, SharedPage},
        sprints::{self, Sprint},
        tasks::{self, Card, attachments::attachment},
        team::Team,
        teams::roster::load_roster,
    },
    http::{
        cache::{page_cache, revision::Revision},
        cookies,
        extract::{
            form::{Fields, id},
            guest,
        },
        layout::Layout,
        middleware::{client_ip::ClientIp, layers::Audience},
        page::{self, fragment, rendered, theme},
        pages::{
            accounts::count_attempt,
            checkin::{
                check_in::{for_guest, key},
                feed_handlers::feed_of,
                feeds::Feed,
            },
            tasks::serve_thumbnail,
        },
    },
};

#[derive(Template)]
#[template(path = "checkin/shared_board.html")]
struct SharedBoard {
    layout: Layout,
    team: Team,
    sprint: Option<Sprint>,
    goals: Vec<Goal>,
    columns: Vec<(Column, Vec<Card>)>,
    url: String,
    now: time::OffsetDateTime,
}

impl SharedBoard {
    fn age(&self, card: &Card) -> String {
        humanize::age(self.now, card.column_since)
    }

    fn blocked_reason(&self, wait: &tasks::Blocker) -> String {
        wait.text(self.now)
    }

    fn done(&self) -> usize {
        self.columns
            .iter()
            .flat_map(|(_, cards)| cards)
            .filter(|card| card.state == ColumnState::Done)
            .count()
    }

    fn total(&self) -> usize {
        self.columns.iter().map(|(_, cards)| cards.len()).sum()
    }
}

#[derive(Template)]
#[template(path = "checkin/password.html")]
struct LockedPage {
    layout: Layout,
    error: &'static str,
}

fn for_audience(mut response: Response, audience: Audience) -> Response {
    response.extensions_mut().insert(audience);
    response
}

fn locked(app: &App, headers: &HeaderMap, error: &'static str) -> Result<Response> {
    let page = LockedPage {
        layout: Layout::bare(app, "Password required".to_owned(), theme(headers)),
        error,
    };
    let response = if error.is_empty() {
        page::page(&page)
    } else {
        page::with_errors(StatusCode::UNPROCESSABLE_ENTITY, &page)
    };
    response.map(|response| for_audience(response, Audience::Guests))
}

/// `GET /share/{key}`: the shared board or check-in.
pub(crate) async fn shared(
    State(app): State<App>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    match guest::entrance(&app.db, &app.clock, &headers, &key).await? {
        ShareLinkEntry::Condition(_) => locked(&app, &headers, ""),
        ShareLinkEntry::Open(guest) => show(&app, &headers, guest).await,
    }
}

/// `POST /share/{key}`: unlocks the link with its password.
pub(crate) async fn unlock(
    State(app): State<App>,
    from: ClientIp,
    Path(key): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response> {
    let ShareLinkEntry::Condition(link) =
        guest::entrance(&app.db, &app.clock, &headers, &key).await?
    else {
        return Ok(for_audience(
            Redirect::to(&format!("/share/{key}")).into_response(),
            Audience::Guests,
        ));
    };
    count_attempt(&app, from, &link.id.to_string()).await?;
    let password = fields.text("password");
    let hash = Some(link.password_hash.clone());
    if password.len() > 1000 || !passwords::verify(password.to_owned(), hash).await? {
        let about = "a wrong password for a link of {team}";
        let line = AuditEntry {
            kind: "share-link.refused",
            about,
            team: Some(link.team),
            ..AuditEntry::default()
        };
        audit_log::write(&mut *app.db.acquire().await?, app.clock.now(), line).await?;
        return locked(&app, &headers, "Wrong password. Try again.");
    }
    let mut response = Redirect::to(&format!("/share/{key}")).into_response();
    cookies::set(
        response.headers_mut(),
        &cookies::share_link(&link, app.is_https()),
    )?;
    Ok(for_audience(response, Audience::Guests))
}

/// `GET /share/{key}/{file}`: feeds and the badge of a link.
pub(crate) async fn shared_feed(
    State(app): State<App>,
    Path((key, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let feed = Feed::from_file_name(&file)?;
    let guest = guest::guest(&app, &headers, &key).await?;
    guests_feed(&app, &headers, guest, feed).await
}

/// `GET /share/{key}/embed`: the check-in, for embedding in other sites.
pub(crate) async fn shared_embed(
    State(app): State<App>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let guest = guest::guest(&app, &headers, &key).await?;
    embedded(&app, &headers, guest).await
}

/// `GET /public/{slug}`
pub(crate) async fn public(
    State(app): State<App>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let guest = guest::public(&app, &slug).await?;
    show(&app, &headers, guest).await
}

/// `GET /public/{slug}/{file}`
pub(crate) async fn public_feed(
    State(app): State<App>,
    Path((slug, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let feed = Feed::from_file_name(&file)?;
    let guest = guest::public(&app, &slug).await?;
    guests_feed(&app, &headers, guest, feed).await
}

/// `GET /public/{slug}/embed`
pub(crate) async fn public_embed(
    State(app): State<App>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let guest = guest::public(&app, &slug).await?;
    embedded(&app, &headers, guest).await
}

async fn guests_feed(app: &App, headers: &HeaderMap, guest: Guest, feed: Feed) -> Result<Response> {
    // A link to the board does not open the check-in's feeds; only the badge, which shows less.
    if guest.shows == SharedPage::Board && feed != Feed::Badge {
        return Err(Problem::NotFound);
    }
    let response = feed_of(
        app,
        headers,
        guest.team,
        guest.workspace_seq,
        feed,
        &guest.url,
        true,
    )
    .await?;
    Ok(for_audience(response, Audience::Frames))
}

async fn embedded(app: &App, headers: &HeaderMap, guest: Guest) -> Result<Response> {
    if guest.shows == SharedPage::Board {
        return Err(Problem::NotFound);
    }
    Ok(for_audience(
        for_guest(app, headers, guest, true).await?,
        Audience::Frames,
    ))
}

async fn show(app: &App, headers: &HeaderMap, guest: Guest) -> Result<Response> {
    let response = match guest.shows {
        SharedPage::CheckIn => for_guest(app, headers, guest, false).await?,
        SharedPage::Board => board(app, headers, guest).await?,
    };
    Ok(for_audience(response, Audience::Guests))
}

/// `GET /share/{key}/covers/{id}`: the small picture of a card of the shared board.
pub(crate) async fn shared_cover(
    State(app): State<App>,
    Path((key, task)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let guest = guest::guest(&app, &headers, &key).await?;
    if guest.shows != SharedPage::Board {
        return Err(Problem::NotFound);
    }
    let (_, resolved) = shown_sprint(&app, &guest.team).await?;
    let (filter, task, now) = (Filter::default(), id(&task)?, app.clock.now());
    let only = Some(&[task][..]);
    let cards = tasks::queries::cards(&app.db, &guest.team, &filter, resolved, now, only).await?;
    let cover = cards.first().and_then(|card| card.cover);
    let cover = cover.ok_or(Problem::NotFound)?;
    let picture = attachment(&app.db, guest.team.id, task, cover.id).await?;
    let mut response = serve_thumbnail(&app, &headers, &picture).await?;
    // The name of the file is not for guests.
    response.headers_mut().remove(header::CONTENT_DISPOSITION);
    Ok(for_audience(response, Audience::Guests))
}

/// The sprint of a shared board, and which tasks it shows.
async fn shown_sprint(app: &App, team: &Team) -> Result<(Option<Sprint>, ResolvedSprint)> {
    let sprints = sprints::queries::sprints_of(&app.db, team.id).await?;
    let sprint = sprints::queries::current(&sprints).cloned();
    let resolved = sprint
        .as_ref()
        .map_or(ResolvedSprint::Any, |sprint| ResolvedSprint::One(sprint.id));
    Ok((sprint, resolved))
}

/// The read-only board of the team's current sprint. Its cards are not links, and the page reloads
/// as a whole.
async fn board(app: &App, headers: &HeaderMap, guest: Guest) -> Result<Response> {
    let now = app.clock.now();
    let revision = Revision::of(guest.team.seq, guest.workspace_seq, now);
    let key = key(
        headers,
        guest.id,
        false,
        format!("guest {} {:?}", guest.url, fragment(headers)),
    );
    let make = async || {
        let team = guest.team.clone();
        let (mut sprint, resolved) = shown_sprint(app, &team).await?;
        if let Some(sprint) = &mut sprint {
            sprint.name = humanize::without_addresses(&sprint.name);
        }
        let mut cards =
            tasks::queries::cards(&app.db, &team, &Filter::default(), resolved, now, None).await?;
        cards.iter_mut().for_each(|card| for_guests(&team, card));
        let mut columns: Vec<(Column, Vec<Card>)> = boards::queries::columns(&app.db, team.id)
            .await?
            .into_iter()
            .map(|column| (column, Vec::new()))
            .collect();
        for (column, _) in &mut columns {
            column.name = humanize::without_addresses(&column.name);
        }
        for card in cards {
            if let Some((_, held)) = columns
                .iter_mut()
                .find(|(column, _)| column.slug == card.column)
            {
                held.push(card);
            }
        }
        let mut goals = match &sprint {
            Some(sprint) => {
                goals::goals(
                    &app.db,
                    &team,
                    sprint,
                    &load_roster(&app.db, team.id).await?,
                    now,
                )
                .await?
            }
            None => Vec::new(),
        };
        goals.iter_mut().for_each(goal_for_guests);
        let layout = Layout::bare(app, team.name.clone(), theme(headers));
        let page = SharedBoard {
            layout,
            team,
            sprint,
            goals,
            columns,
            url: guest.url.clone(),
            now,
        };
        Ok((revision, rendered(&page)?))
    };
    page_cache::answer(
        &app.page_cache,
        headers,
        (key, revision),
        "text/html; charset=utf-8",
        make,
    )
    .await
}
