//! Who may call which cmdlet: the same as in the portal and over the API.

use super::{GET, GET_POLICY, REMOVE, SET_POLICY, TENANT, input, refused};
use crate::harness::Portal;
use reqwest::Method;
use restricted_users::model::operator::RoleGroup;
use serde_json::json;

#[tokio::test]
async fn every_cmdlet_is_open_to_whom_the_contract_names_and_nobody_else() {
    let portal = Portal::start().await;
    for role in RoleGroup::ALL {
        let token = portal.token(role).await;
        let reads = role != RoleGroup::MailServer;
        let changes =
            [RoleGroup::OrganizationManagement, RoleGroup::SecurityAdministrator].contains(&role);
        for (cmdlet, may) in
            [(GET, reads), (GET_POLICY, reads), (REMOVE, changes), (SET_POLICY, changes)]
        {
            let call = input(cmdlet, &json!({ "SenderAddress": "nobody@example.org" }));
            let path = format!("{TENANT}/InvokeCommand");
            let request = portal.request(Method::POST, &path).bearer_auth(&token).json(&call);
            let alone = portal.send(request).await;
            let item = json!({ "id": "1", "method": "POST", "url": path, "body": call });
            let request = portal.request(Method::POST, &format!("{TENANT}/$batch"));
            let request = request.bearer_auth(&token).json(&json!({ "requests": [item] }));
            let in_batch = portal.send(request).await;
            if may {
                assert_ne!(alone.status, 403, "{role} {cmdlet}: {alone:?}");
                assert_ne!(in_batch.ok()["responses"][0]["status"], 403, "{role} {cmdlet}");
            } else if reads {
                let why = refused(&alone, 403);
                assert_eq!(why, format!("Your role group does not allow {cmdlet}."));
                assert_eq!(in_batch.ok()["responses"][0]["status"], 403, "{role} {cmdlet}");
            } else {
                refused(&alone, 403);
                refused(&in_batch, 403);
            }
        }
    }
}

#[tokio::test]
async fn a_token_may_come_as_a_password_and_any_tenant_is_this_one() {
    let portal = Portal::start().await;
    let token = portal.token(RoleGroup::SecurityReader).await;
    for tenant in ["beta/contoso.onmicrosoft.com", "v1.0/00000000-0000-0000-0000-000000000000"] {
        let path = format!("/adminapi/{tenant}/InvokeCommand");
        let request = portal.request(Method::POST, &path).basic_auth("anybody", Some(&token));
        let answer = portal.send(request.json(&input(GET, &json!({})))).await.ok();
        let context = answer["@odata.context"].as_str().unwrap();
        let expected = format!("{}/adminapi/{tenant}/$metadata", portal.app.public_url);
        assert!(context.starts_with(&expected), "{context}");
    }
    // As for every GET, a session is enough to look; a call takes a token.
    let session = portal.session(RoleGroup::SecurityAdministrator).await;
    let path = format!("{TENANT}/InvokeCommand");
    let send = |method| portal.send(portal.request(method, &path).header("cookie", &session));
    refused(&send(Method::POST).await, 401);
    refused(&send(Method::GET).await, 400);
}
