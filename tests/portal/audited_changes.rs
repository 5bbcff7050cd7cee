//! What stands in the audit log: every change, and nobody's looking.

use crate::harness::{Portal, texts};
use crate::routes::{ROUTES, filled};
use reqwest::Method;
use restricted_users::model::operator::RoleGroup;
use serde_json::json;
use std::collections::BTreeSet;

/// Changes as scripts make them: the method, the path and the body of each route.
const CHANGES: [(&str, &str, &str); 16] = [
    ("POST", "restricted-users", r#"{ "address": "alice@example.org", "reason": "sent spam" }"#),
    ("POST", "restricted-users/{key}/unblock", "{}"),
    ("DELETE", "restricted-users/{key}/unblock", "{}"),
    ("POST", "unblocks", r#"{ "addresses": ["alice@example.org"] }"#),
    ("POST", "outbound-spam-policies", r#"{ "name": "News", "from": ["news@example.org"] }"#),
    ("PUT", "outbound-spam-policies/{id}", r#"{ "name": "News", "from": ["new@example.org"] }"#),
    ("DELETE", "outbound-spam-policies/{id}", "{}"),
    ("PATCH", "alerts/{id}", r#"{ "status": "resolved" }"#),
    ("PUT", "alert-policies/{id}", r#"{ "enabled": false }"#),
    ("POST", "operators", r#"{ "address": "bob@example.org", "role_group": "global_reader" }"#),
    ("PATCH", "operators/{address}", r#"{ "role_group": "security_reader" }"#),
    ("POST", "operators/{address}/one-time-link", "{}"),
    ("DELETE", "operators/{address}/sessions", "{}"),
    ("DELETE", "operators/{address}", "{}"),
    ("POST", "tokens", r#"{ "name": "script", "role_group": "global_reader" }"#),
    ("DELETE", "tokens/{name}", "{}"),
];

#[test]
fn the_table_of_changes_has_every_route_that_changes_something() {
    let routes = ROUTES.iter().filter(|(method, _, who)| *method != "GET" && *who != "ask");
    let routes =
        routes.filter_map(|(method, path, _)| Some((*method, path.strip_prefix("/api/v1/")?)));
    let table = CHANGES.iter().map(|(method, path, _)| (*method, *path));
    assert_eq!(table.collect::<BTreeSet<_>>(), routes.collect::<BTreeSet<_>>());
}

/// What there is, but for the audit log.
async fn all(portal: &Portal) -> Vec<String> {
    let mut all = Vec::new();
    for list in ["restricted-users?state=all", "outbound-spam-policies", "alerts", "alert-policies"]
    {
        all.push(portal.get(&format!("/api/v1/{list}")).await.ok().to_string());
    }
    let operators = portal.app.store.operators().await.unwrap();
    all.push(format!("{operators:?}"));
    let tokens = portal.get("/api/v1/tokens").await.ok();
    all.push(format!("{:?}", texts(&tokens["items"], "name")));
    all
}

/// A path of the table for what there is.
async fn named(portal: &Portal, path: &str) -> String {
    let first = async |list: &str| {
        portal.get(&format!("/api/v1/{list}")).await.ok()["items"][0]["id"].clone()
    };
    let id = match path.split('/').next().unwrap() {
        "alert-policies" => json!("user-restricted"),
        list @ ("alerts" | "outbound-spam-policies") => first(list).await,
        _ => json!(""),
    };
    let path = path.replace("{id}", id.as_str().unwrap_or_default());
    let path = path.replace("{key}", "alice@example.org").replace("{name}", "script");
    format!("/api/v1/{}", path.replace("{address}", "bob@example.org"))
}

#[tokio::test]
async fn no_change_is_made_without_its_record() {
    let portal = Portal::start().await;
    let (stop, go_on) = if portal.database.is_postgres() {
        (
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE 'no record'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION refuse()",
            "DROP TRIGGER refuse ON audit; DROP FUNCTION refuse",
        )
    } else {
        (
            "CREATE TRIGGER refuse BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no record'); END",
            "DROP TRIGGER refuse",
        )
    };
    for (method, path, body) in CHANGES {
        let path = named(&portal, path).await;
        let change = || {
            let request = portal.authorized(method.parse().unwrap(), &path);
            portal.send(request.header("content-type", "application/json").body(body))
        };
        let (before, number) = (all(&portal).await, last_number(&portal).await);
        portal.database.try_execute(stop).await.unwrap();
        let refused = change().await;
        assert!(refused.status.is_server_error(), "{method} {path}: {refused:?}");
        assert_eq!(all(&portal).await, before, "{method} {path}");
        portal.database.try_execute(go_on).await.unwrap();
        let made = change().await;
        assert!(made.status.is_success(), "{method} {path}: {made:?}");
        assert!(last_number(&portal).await > number, "{method} {path}");
    }
}

async fn last_number(portal: &Portal) -> i64 {
    portal.app.store.last_audit_record().await.unwrap().number
}

#[tokio::test]
async fn looking_is_not_recorded() {
    let portal = Portal::start().await;
    portal.restricted("nobody@example.org").await;
    let session = portal.session(RoleGroup::OrganizationManagement).await;
    let number = last_number(&portal).await;
    for (_, path, _) in
        ROUTES.iter().filter(|(method, _, who)| *method == "GET" && *who != "anybody")
    {
        let request = portal.request(Method::GET, &filled(path)).header("cookie", &session);
        portal.send(request).await;
    }
    assert_eq!(last_number(&portal).await, number);
}
