//! The page that tells of all this, `docs/exchange.md`.

use super::{GET, TENANT, invoke};
use crate::documentation::{Admin, Language, block};
use crate::harness::Portal;
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../../docs/exchange.md");

/// What stands in the page as JSON.
fn examples() -> Vec<Value> {
    let blocks = PAGE.split("```json\n").skip(1);
    let json = blocks.map(|block| block.split("```").next().unwrap());
    json.map(|json| serde_json::from_str(json).unwrap()).collect()
}

#[tokio::test]
async fn what_the_page_shows_is_taken_and_answered() {
    let portal = Portal::start().await;
    portal.restricted("laura@example.org").await;
    let (calls, entries): (Vec<_>, Vec<_>) =
        examples().into_iter().partition(|example| example.get("CmdletInput").is_some());
    assert_eq!((calls.len(), entries.len()), (2, 1));
    for call in calls {
        portal.post(&format!("{TENANT}/InvokeCommand"), call).await.ok();
    }
    let entry = invoke(&portal, GET, json!({})).await.ok()["value"][0].clone();
    let names = |entry: &Value| entry.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&entry), names(&entries[0]));
    assert_eq!(portal.user("laura@example.org").await["state"], "unblocking");
}

#[tokio::test]
async fn its_scripts_list_who_is_blocked() {
    let admin = Admin::new().await;
    admin.restrict("alice@example.org");
    let output = admin.run(Language::Bash, block(PAGE, "bash"));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["value"][0]["SenderAddress"], "alice@example.org");

    // More than a page.
    admin.import((0..1_200).map(|number| format!("user{number}@example.org")));
    let listed = admin.result(Language::Python, block(PAGE, "python"));
    assert!(listed.starts_with("alice@example.org sent spam\n"), "{listed}");
    assert_eq!(listed.lines().count(), 1_201);
}

#[test]
fn the_page_names_every_cmdlet() {
    for cmdlet in [GET, super::REMOVE, super::GET_POLICY, super::SET_POLICY] {
        assert!(PAGE.contains(&format!("| `{cmdlet}` |")), "{cmdlet}");
    }
}
