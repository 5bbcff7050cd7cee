//! The portal: the one full page, and the fragments that its script puts into it.

mod export;
mod frame;
mod history;
mod restrict;
mod restricted_users;
mod rows;
mod sign_in;
mod static_files;
mod unblock;
mod user;
mod welcome;
mod words;

use super::access::Doors;
use super::{Shared, security_headers};
use crate::operator::Permission::{ChangeRestrictions, Look};
use askama::Template;
use axum::Router;
use axum::middleware;
use axum::response::Html;
use axum::routing::{get, post};

pub(crate) fn routes(app: &Shared) -> Router<Shared> {
    let doors = Doors::of_the_portal(app);
    let look = |routes| doors.open_to(Look, routes);
    let change = |routes| doors.open_to(ChangeRestrictions, routes);
    Router::new()
        .route(
            "/ui/restrictedusers",
            look(get(restricted_users::page)).merge(change(post(restrict::send))),
        )
        .route("/ui/restrictedusers/rows", look(get(restricted_users::rows)))
        .route("/ui/restrictedusers/rows/{key}", look(get(restricted_users::row)))
        .route("/ui/restrictedusers/export", look(get(export::download)))
        .route("/ui/restrictedusers/restrict", change(get(restrict::empty)))
        .route("/ui/restrictedusers/{key}", look(get(user::page)))
        .route("/ui/restrictedusers/{key}/restrict", change(get(restrict::again)))
        .route(
            "/ui/restrictedusers/{key}/unblock",
            change(get(unblock::flow)).merge(change(post(unblock::send))),
        )
        .route("/ui/restrictedusers/{key}/unblock/cancel", change(post(unblock::cancel)))
        .route("/ui/welcome", post(welcome::page))
        .route("/ui/welcome/password", post(welcome::set_password))
        .route("/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/", get(frame::page))
        .route("/static/{hash}/{file}", get(static_files::serve))
        .route_layer(middleware::from_fn(security_headers::same_origin))
}

/// A page or fragment as HTML.
fn html(template: &impl Template) -> Html<String> {
    Html(template.render().expect("templates only write text, which cannot fail"))
}
