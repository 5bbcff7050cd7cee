//! Outbound spam policies: in order, the default policy last; every change is audited, and none
//! breaks the order.

use crate::audit_chain;
use crate::harness::{BAD_OUTBOUND_SENDER, DUNNO, Portal, texts};
use chrono::TimeDelta;
use restricted_users::model::operator::RoleGroup;
use serde_json::{Value, json};

const POLICIES: &str = "/api/v1/outbound-spam-policies";
const DEFAULT: &str = "/api/v1/outbound-spam-policies/default";

/// Creates a custom policy and answers its address.
async fn create(portal: &Portal, document: Value) -> String {
    let policy = portal.post(POLICIES, document).await.ok();
    format!("{POLICIES}/{}", policy["id"].as_str().unwrap())
}

/// The names in order of priority.
async fn names(portal: &Portal) -> Vec<String> {
    texts(&portal.get(POLICIES).await.ok()["items"], "name")
}

/// The audit records about policies, oldest first.
async fn audited(portal: &Portal) -> Vec<Value> {
    let records = audit_chain::checked(&portal.app.store).await;
    let about_policies =
        |record: &Value| record["action"].as_str().unwrap().starts_with("OutboundSpamPolicy");
    records.into_iter().filter(about_policies).collect()
}

#[tokio::test]
async fn a_new_installation_has_the_default_policy_with_the_limits_of_the_service() {
    let portal = Portal::start().await;
    let list = portal.get(POLICIES).await.ok();
    let default = json!({
        "id": "00000000-0000-0000-0000-000000000001",
        "name": "Default",
        "priority": null,
        "enabled": true,
        "shadow": false,
        "from": [],
        "sender_domain_is": [],
        "except_if_from": [],
        "except_if_sender_domain_is": [],
        "recipient_limit_external_per_hour": 0,
        "recipient_limit_internal_per_hour": 0,
        "recipient_limit_per_day": 0,
        "action_when_threshold_reached": "block_user",
        "spam_messages": 5,
        "spam_messages_minutes": 10,
        "spam_percent": 20,
        "spam_percent_of_at_least": 20,
    });
    assert_eq!(list, json!({ "items": [default.clone()], "next_cursor": null }));
    assert_eq!(portal.get(DEFAULT).await.ok(), default);
    let by_id = format!("{POLICIES}/{}", default["id"].as_str().unwrap());
    assert_eq!(portal.get(&by_id).await.ok(), default);
}

#[tokio::test]
async fn a_policy_is_created_changed_and_deleted_and_the_audit_log_has_all_of_it() {
    let portal = Portal::start().await;
    let document = json!({
        "name": "Newsletter",
        "from": ["News@Example.ORG"],
        "sender_domain_is": ["LISTS.example.org."],
        "recipient_limit_external_per_hour": 5000,
        "action_when_threshold_reached": "alert",
    });
    let created = portal.post(POLICIES, document).await;
    assert_eq!(created.status, 201);
    let mut policy = created.ok();
    assert_eq!(policy["from"], json!(["news@example.org"]));
    assert_eq!(policy["sender_domain_is"], json!(["lists.example.org"]));
    assert_eq!((&policy["priority"], &policy["spam_percent"]), (&json!(0), &json!(20)));
    let path = format!("{POLICIES}/{}", policy["id"].as_str().unwrap());
    assert_eq!(portal.get(&path).await.ok(), policy);

    let before = policy.clone();
    policy["shadow"] = json!(true);
    assert_eq!(portal.put(&path, policy.clone()).await.ok(), policy);
    assert_eq!(portal.get(&path).await.ok(), policy);

    assert_eq!(portal.delete(&path).await.status, 204);
    portal.get(&path).await.problem("not-found");
    assert_eq!(names(&portal).await, ["Default"]);

    let records = audited(&portal).await;
    assert_eq!(
        texts(&json!(records), "action"),
        ["OutboundSpamPolicyCreated", "OutboundSpamPolicyChanged", "OutboundSpamPolicyDeleted"]
    );
    assert_eq!(texts(&json!(records), "address"), ["Newsletter"; 3]);
    let documents: Vec<_> = records.iter().map(|it| (&it["before"], &it["after"])).collect();
    let none = Value::Null;
    assert_eq!(documents, [(&none, &before), (&before, &policy), (&policy, &none)]);
}

#[tokio::test]
async fn the_default_policy_is_changed_by_word_or_id_and_can_never_go() {
    let portal = Portal::start().await;
    let id = portal.get(DEFAULT).await.ok()["id"].as_str().unwrap().to_owned();
    let changed = portal.put(DEFAULT, json!({ "shadow": true })).await.ok();
    assert_eq!((&changed["shadow"], &changed["name"]), (&json!(true), &json!("Default")));
    portal.put(&format!("{POLICIES}/{id}"), json!({ "recipient_limit_per_day": 70 })).await.ok();
    let default = portal.get(DEFAULT).await.ok();
    // A document is whole: what it leaves out is as it was at the start.
    let told = (&default["shadow"], &default["recipient_limit_per_day"]);
    assert_eq!(told, (&json!(false), &json!(70)));

    for path in [DEFAULT.to_owned(), format!("{POLICIES}/{id}")] {
        let answer = portal.delete(&path).await;
        assert_eq!(answer.status, 409);
        answer.problem("default-policy");
    }
    for (field, value) in [
        ("enabled", json!(false)),
        ("priority", json!(0)),
        ("from", json!(["alice@example.org"])),
        ("except_if_sender_domain_is", json!(["example.org"])),
    ] {
        portal.put(DEFAULT, json!({ field: value })).await.invalid(field);
    }
    assert_eq!(portal.get(DEFAULT).await.ok(), default);
}

#[tokio::test]
async fn a_policy_takes_its_place_and_moves_the_others() {
    let portal = Portal::start().await;
    create(&portal, json!({ "name": "one" })).await;
    let two = create(&portal, json!({ "name": "two" })).await;
    create(&portal, json!({ "name": "first", "priority": 0 })).await;
    assert_eq!(names(&portal).await, ["first", "one", "two", "Default"]);

    portal.put(&two, json!({ "name": "two", "priority": 1 })).await.ok();
    assert_eq!(names(&portal).await, ["first", "two", "one", "Default"]);
    // Without a priority it stays where it is.
    portal.put(&two, json!({ "name": "second" })).await.ok();
    assert_eq!(names(&portal).await, ["first", "second", "one", "Default"]);
    portal.put(&two, json!({ "name": "second", "priority": 3 })).await.invalid("priority");
    portal.post(POLICIES, json!({ "name": "x", "priority": 4 })).await.invalid("priority");
    portal.post(POLICIES, json!({ "name": "x", "priority": -1 })).await.invalid("priority");

    portal.delete(&two).await;
    let list = portal.get(POLICIES).await.ok();
    let places: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|it| &it["priority"]).collect();
    assert_eq!(places, [&json!(0), &json!(1), &Value::Null]);
}

#[tokio::test]
async fn a_name_is_taken_once_in_any_case() {
    let portal = Portal::start().await;
    let newsletter = create(&portal, json!({ "name": "Newsletter" })).await;
    for name in ["Newsletter", "NEWSLETTER", "default"] {
        let answer = portal.post(POLICIES, json!({ "name": name })).await;
        assert_eq!(answer.status, 409);
        answer.problem("policy-exists");
    }
    let other = create(&portal, json!({ "name": "other" })).await;
    portal.put(&other, json!({ "name": "newsletter" })).await.problem("policy-exists");
    // Its own name is no other's.
    portal.put(&newsletter, json!({ "name": "NewsLetter" })).await.ok();
}

#[tokio::test]
async fn a_document_that_cannot_be_used_names_every_field_and_changes_nothing() {
    let portal = Portal::start().await;
    for (field, value) in [
        ("recipient_limit_external_per_hour", json!(10_001)),
        ("recipient_limit_internal_per_hour", json!(-1)),
        ("recipient_limit_per_day", json!(1.5)),
        ("spam_messages", json!(0)),
        ("spam_messages_minutes", json!(1_441)),
        ("spam_percent", json!(101)),
        ("spam_percent_of_at_least", json!(0)),
        ("action_when_threshold_reached", json!("explode")),
        ("shadow", json!("yes")),
        ("name", json!("")),
        ("name", json!("x".repeat(65))),
        ("name", json!("a\u{0}b")),
        ("name", Value::Null),
        ("colour", json!("red")),
        ("id", json!("00000000-0000-0000-0000-000000000009")),
        ("id", json!("nine")),
    ] {
        let mut document = json!({ "name": "x" });
        document[field] = value;
        portal.post(POLICIES, document).await.invalid(field);
    }
    for (field, list, named) in [
        ("from", json!(["a@example.org", "alice"]), "from[1]"),
        ("from", json!(["a\nb@example.org"]), "from[0]"),
        ("from", json!([5]), "from[0]"),
        ("from", json!("a@example.org"), "from"),
        ("except_if_from", json!(["@example.org"]), "except_if_from[0]"),
        ("sender_domain_is", json!(["exa mple.org"]), "sender_domain_is[0]"),
        ("except_if_sender_domain_is", json!([""]), "except_if_sender_domain_is[0]"),
        ("from", json!(vec!["a@example.org"; 1_001]), "from"),
    ] {
        portal.post(POLICIES, json!({ "name": "x", field: list })).await.invalid(named);
    }
    portal.post(POLICIES, json!({})).await.invalid("name");
    portal.post(POLICIES, json!([])).await.invalid("body");
    let both = json!({ "name": "x", "spam_percent": 0, "from": ["alice"] });
    let detail = portal.post(POLICIES, both).await.problem("invalid");
    assert_eq!(
        detail,
        "spam_percent: it is 0, but it takes 1 to 100. \
         from[0]: \"alice\" is no mail address: it has no @ with a domain after it."
    );
    portal.get(&format!("{POLICIES}?cursor=AAAA")).await.invalid("cursor");
    portal.get(&format!("{POLICIES}?limit=5")).await.invalid("limit");
    for key in ["nothing", "Default", "00000000-0000-0000-0000-000000000009", "%00"] {
        let path = format!("{POLICIES}/{key}");
        portal.get(&path).await.problem("not-found");
        portal.delete(&path).await.problem("not-found");
        portal.put(&path, json!({ "name": "x" })).await.problem("not-found");
    }
    assert_eq!(names(&portal).await, ["Default"]);
    assert!(audited(&portal).await.is_empty());
}

#[tokio::test]
async fn what_changes_nothing_is_not_audited() {
    let portal = Portal::start().await;
    let default = portal.get(DEFAULT).await.ok();
    assert_eq!(portal.put(DEFAULT, default.clone()).await.ok(), default);
    assert!(audited(&portal).await.is_empty());
}

#[tokio::test]
async fn there_are_at_most_a_hundred_custom_policies() {
    let portal = Portal::start().await;
    for number in 0..100 {
        create(&portal, json!({ "name": format!("policy {number}") })).await;
    }
    let detail = portal.post(POLICIES, json!({ "name": "one more" })).await;
    detail.invalid("body");
    assert_eq!(names(&portal).await.len(), 101);
}

#[tokio::test]
async fn changes_at_once_from_two_machines_leave_one_order_and_one_policy_of_a_name() {
    let portal = Portal::start().await;
    let replica = portal.replica().await;
    let creations = (0..20).map(|number| {
        let machine = if number % 2 == 0 { &portal } else { &replica };
        // Every name comes twice, and everybody wants the first place.
        machine.post(POLICIES, json!({ "name": format!("policy {}", number / 2), "priority": 0 }))
    });
    let answers = futures_util::future::join_all(creations).await;
    let created: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(created.len(), 10);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.problem("policy-exists");
    }

    let changes = created.iter().enumerate().map(|(number, answer)| {
        let machine = if number % 2 == 0 { &portal } else { &replica };
        let mut policy = answer.json();
        policy["priority"] = json!((number * 7) % 5);
        let path = format!("{POLICIES}/{}", policy["id"].as_str().unwrap());
        async move {
            if number % 3 == 0 {
                machine.delete(&path).await.status.as_u16()
            } else {
                machine.put(&path, policy).await.status.as_u16()
            }
        }
    });
    let answers = futures_util::future::join_all(changes).await;
    assert!(answers.iter().all(|status| [200, 204].contains(status)), "{answers:?}");
    let list = portal.get(POLICIES).await.ok();
    let items = list["items"].as_array().unwrap();
    let places: Vec<_> = items.iter().map(|it| it["priority"].as_i64()).collect();
    assert_eq!(places, [Some(0), Some(1), Some(2), Some(3), Some(4), Some(5), None]);
    assert_eq!(list, replica.get(POLICIES).await.ok());
    assert!(audited(&portal).await.len() >= 14);
}

/// A page or fragment of the portal, as somebody of a role group gets it.
async fn page(portal: &Portal, role: RoleGroup, path: &str) -> String {
    let cookie = portal.session(role).await;
    let request = portal.request(reqwest::Method::GET, path).header("cookie", cookie);
    let answer = portal.send(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text
}

/// What a hidden field of a fragment holds.
fn hidden(fragment: &str, name: &str) -> String {
    let field = fragment.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap();
    let value = field.split('"').next().unwrap();
    value.replace("&#34;", "\"").replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&")
}

#[tokio::test]
async fn saving_in_the_portal_shows_the_difference_first() {
    let portal = Portal::start().await;
    let cookie = portal.session(RoleGroup::SecurityAdministrator).await;
    let fields = [
        ("name", "Newsletter"),
        ("priority", "0"),
        ("enabled", "on"),
        ("from", "news@example.org\r\nNEWS@example.net"),
        ("recipient_limit_external_per_hour", "2000"),
        ("spam_messages", "7"),
    ];
    let review = portal.form("/ui/outboundspam/review", &cookie, &fields).await;
    assert!(review.text.contains("Create Newsletter?"), "{review:?}");
    assert!(review.text.contains("news@example.org, news@example.net"), "{review:?}");
    assert_eq!(names(&portal).await, ["Default"]);

    let policy = hidden(&review.text, "policy");
    let answer = |step| [("step", step), ("policy", policy.as_str())];
    let back = portal.form("/ui/outboundspam/save", &cookie, &answer("edit")).await;
    assert!(back.text.contains("value=\"Newsletter\""), "{back:?}");
    assert_eq!(names(&portal).await, ["Default"]);
    let saved = portal.form("/ui/outboundspam/save", &cookie, &answer("save")).await;
    assert!(saved.text.contains("Newsletter is created."), "{saved:?}");
    let list = portal.get(POLICIES).await.ok();
    let created = &list["items"][0];
    assert_eq!(created["recipient_limit_external_per_hour"], 2_000);
    assert_eq!((&created["spam_messages"], &created["spam_percent"]), (&json!(7), &json!(20)));
    let records = audited(&portal).await;
    assert_eq!(records[0]["actor_kind"], "operator");
}

#[tokio::test]
async fn a_question_about_a_policy_that_somebody_changed_meanwhile_is_not_answered_yes() {
    let portal = Portal::start().await;
    let cookie = portal.session(RoleGroup::SecurityAdministrator).await;
    let review =
        page(&portal, RoleGroup::SecurityAdministrator, "/ui/outboundspam/default/shadow").await;
    assert!(review.contains("On, restricts nobody"), "{review}");
    portal.put(DEFAULT, json!({ "recipient_limit_per_day": 7 })).await.ok();

    let (policy, seen) = (hidden(&review, "policy"), hidden(&review, "seen"));
    let fields = [("step", "save"), ("policy", policy.as_str()), ("seen", seen.as_str())];
    let refused = portal.form("/ui/outboundspam/save", &cookie, &fields).await;
    assert_eq!(refused.status, 409);
    refused.problem("policy-changed");
    assert_eq!(portal.get(DEFAULT).await.ok()["shadow"], false);
}

#[tokio::test]
async fn bad_fields_of_the_form_are_told_by_their_labels() {
    let portal = Portal::start().await;
    let cookie = portal.session(RoleGroup::SecurityAdministrator).await;
    create(&portal, json!({ "name": "Newsletter" })).await;
    for (field, value, told) in [
        ("from", "alice", "Senders: \"alice\" is no mail address"),
        ("sender_domain_is", "a@b", "Sender domains: \"a@b\" is no domain"),
        ("recipient_limit_per_day", "10001", "In 24 hours: it is 10001, but it takes 0 to 10000."),
        ("recipient_limit_per_day", "many", "In 24 hours: \"many\" is no whole number"),
    ] {
        let fields = [("name", "x"), (field, value)];
        let answer = portal.form("/ui/outboundspam/review", &cookie, &fields).await;
        answer.invalid(field);
        assert!(
            answer.json()["errors"][0]["detail"].as_str().unwrap().starts_with(told),
            "{answer:?}"
        );
    }
    let taken = [("name", "newsletter"), ("enabled", "on")];
    portal.form("/ui/outboundspam/review", &cookie, &taken).await.problem("policy-exists");
    portal.form("/ui/outboundspam/review", &cookie, &[]).await.invalid("name");
    for policy in ["{}", "no json"] {
        let fields = [("step", "save"), ("policy", policy)];
        portal.form("/ui/outboundspam/save", &cookie, &fields).await.invalid("policy");
    }
}

#[tokio::test]
async fn the_page_has_the_policies_in_order_and_moves_them() {
    let portal = Portal::start().await;
    let cookie = portal.session(RoleGroup::OrganizationManagement).await;
    create(&portal, json!({ "name": "<i>one</i>" })).await;
    let two = create(&portal, json!({ "name": "two", "sender_domain_is": ["example.net"] })).await;
    let id = two.rsplit('/').next().unwrap();
    let text = page(&portal, RoleGroup::GlobalReader, "/ui/outboundspam").await;
    assert!(text.contains("&#60;i&#62;one") && !text.contains("<i>"), "{text}");
    assert!(
        text.find("@example.net") < text.find("For everybody whom no other policy is for"),
        "{text}"
    );
    assert!(!text.contains("Edit"), "{text}");

    for (to, told) in [
        ("up", "two is number 1 of 2 now."),
        ("up", "two is number 1 of 2 now."),
        ("down", "two is number 2 of 2 now."),
    ] {
        let moved =
            portal.form(&format!("/ui/outboundspam/{id}/move"), &cookie, &[("to", to)]).await;
        assert!(moved.text.contains(told), "{moved:?}");
    }
    let delete = format!("/ui/outboundspam/{id}/delete");
    assert!(page(&portal, RoleGroup::SecurityAdministrator, &delete).await.contains("Delete two?"));
    let deleted = portal.form(&delete, &cookie, &[]).await;
    assert!(deleted.text.contains("two is deleted."), "{deleted:?}");
    assert_eq!(names(&portal).await, ["<i>one</i>", "Default"]);
}

#[tokio::test]
async fn a_policy_shows_what_it_did_lately_and_since_when_it_only_watches() {
    let portal = Portal::start().await;
    let reader = RoleGroup::SecurityReader;
    portal.put(DEFAULT, json!({ "shadow": true })).await.ok();
    portal.pass(TimeDelta::hours(3)).await;
    // Whoever goes on watching has watched since the beginning.
    portal.put(DEFAULT, json!({ "shadow": true, "spam_messages": 4 })).await.ok();
    spams(&portal, "alice@example.org").await;
    let list = page(&portal, reader, "/ui/outboundspam").await;
    assert!(list.contains("The default policy only watches"), "{list}");
    assert!(list.contains("datetime=\"2026-11-23T10:00:00Z\""), "{list}");
    assert!(list.contains("Would have restricted 1 sender"), "{list}");
    assert!(list.contains("<p>alice@example.org</p>"), "{list}");

    portal.put(DEFAULT, json!({ "shadow": false })).await.ok();
    spams(&portal, "bob@example.org").await;
    let list = page(&portal, reader, "/ui/outboundspam").await;
    assert!(list.contains("Restricted 1 sender") && !list.contains("only watches"), "{list}");
    let one = page(&portal, reader, "/ui/outboundspam/default").await;
    for told in ["4 of 4 messages were spam (100 %)", "Would have been restricted", "Warning level"]
    {
        assert!(one.contains(told), "{told}: {one}");
    }
    assert!(one.contains("href=\"#/restrictedusers/bob%40example.org\""), "{one}");
    assert!(!one.contains("href=\"#/restrictedusers/alice"), "{one}");

    portal.pass(TimeDelta::days(7)).await;
    portal.pass(TimeDelta::seconds(1)).await;
    let one = page(&portal, reader, "/ui/outboundspam/default").await;
    assert!(one.contains("Nobody crossed a line."), "{one}");
}

/// Five spam messages to somebody outside.
async fn spams(portal: &Portal, sender: &str) {
    for _ in 0..5 {
        portal.sends_spam(sender).await;
    }
}

#[tokio::test]
async fn a_sender_is_exempt_by_a_policy_in_shadow_until_that_goes_on_every_machine_at_once() {
    let portal = Portal::start().await;
    let replica = portal.replica().await;
    let (alice, bob) = ("alice@example.org", "bob@remote.example");
    // Both have counted before, with the policies of then.
    portal.sends_spam(alice).await;
    replica.sends_spam(alice).await;
    let exempt = json!({ "name": "Exempt", "shadow": true, "from": [alice] });
    let exempt = create(&portal, exempt).await;
    spams(&replica, alice).await;
    assert_eq!(replica.policy_answer(alice, bob).await, DUNNO);

    portal.delete(&exempt).await;
    replica.sends_spam(alice).await;
    assert_eq!(replica.policy_answer(alice, bob).await, BAD_OUTBOUND_SENDER);
}
