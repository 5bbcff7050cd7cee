//! What the operations are about, in the order in which somebody new should read of it.

use utoipa::openapi::Tag;
use utoipa::openapi::tag::TagBuilder;

const SUBJECTS: [(&str, &str); 11] = [
    ("Restricted users", "Who may not send outside the organisation, and letting them back in."),
    ("Events", "What happens to restricted users, for scripts that follow it."),
    ("Mail", "What mail servers and filters tell and ask, and the message trace."),
    ("Outbound spam policies", "How much senders may send, and what happens when it is too much."),
    ("Alerts", "What admins are told about, and working on it."),
    ("Audit log", "Who did what to whom."),
    ("Operators", "Who signs in, and what they may do."),
    ("Tokens", "What scripts and mail servers sign in with."),
    ("Exchange's own shape", "Cmdlets, called over HTTP as scripts call Exchange Online."),
    ("Health", "What load balancers and monitoring ask."),
    ("This document", "The description that you read."),
];

pub(super) fn subjects() -> Vec<Tag> {
    let tag = |(name, what)| TagBuilder::new().name(name).description(Some(what)).build();
    SUBJECTS.into_iter().map(tag).collect()
}
