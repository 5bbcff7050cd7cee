//! Signing out at the identity provider too.

use crate::secret::SecretHash;
use crate::web::Shared;
use crate::web::error::Problem;
use crate::web::portal::frame::{Frame, frame};
use crate::web::portal::html;
use askama::Template;
use axum::http::HeaderValue;
use axum::http::header::REFRESH;
use axum::response::{IntoResponse, Response};

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOut<'a> {
    frame: Frame,
    host: &'a str,
    url: &'a str,
}

/// The page that leads on to the provider, where this session began there and can end there. A page
/// and not a redirect: browsers would not let a form's answer lead to another site.
pub(crate) async fn sign_out(
    app: &Shared,
    session: &SecretHash,
) -> Result<Option<Response>, Problem> {
    let id_token = app.store.id_token(session).await?;
    let Some((provider, id_token)) = app.provider.as_ref().zip(id_token) else { return Ok(None) };
    let Some(url) = provider.sign_out(&id_token).await else { return Ok(None) };
    let refresh = HeaderValue::try_from(format!("0; url={url}")).expect("a URL is ASCII");
    let page = SignedOut {
        frame: frame(app, None, String::new()),
        host: provider.host(),
        url: url.as_str(),
    };
    Ok(Some(([(REFRESH, refresh)], html(&page)).into_response()))
}
