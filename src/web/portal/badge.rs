//! The number of new alerts, in the navigation and in the top bar.

use super::html;
use crate::store::Result;
use crate::web::Shared;
use crate::web::error::Problem;
use askama::Template;
use axum::extract::State;
use axum::response::Html;

/// More are not counted: whoever sees so many looks anyway.
const MOST: i64 = 99;

#[derive(Template)]
#[template(path = "alerts/badge.html")]
struct Badge {
    new_alerts: Option<String>,
}

/// The badge as it is now, which the script asks for with each page.
pub(crate) async fn fragment(
    State(app): State<Shared>,
) -> std::result::Result<Html<String>, Problem> {
    Ok(html(&Badge { new_alerts: new_alerts(&app).await? }))
}

/// How many alerts are new; nothing where there is none.
pub(crate) async fn new_alerts(app: &Shared) -> Result<Option<String>> {
    Ok(told(app.store.new_alerts(MOST + 1).await?))
}

fn told(count: i64) -> Option<String> {
    match count {
        0 => None,
        count if count > MOST => Some(format!("{MOST}+")),
        count => Some(count.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_badge_stops_counting_at_its_cap() {
        let told = [0, 1, 99, 100].map(told);
        assert_eq!(told, [None, Some("1".into()), Some("99".into()), Some("99+".into())]);
    }
}
