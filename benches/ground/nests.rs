//! What nests without end, as a stranger may send it.

/// A body, and as what it is sent.
pub struct Nest {
    pub name: &'static str,
    pub content_type: &'static str,
    pub body: String,
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The name of each kind, its type, what opens it, and one level of it. Some stand in a field that the
/// service reads, others in one that it does not know.
const KINDS: [(&str, &str, &str, &str); 14] = [
    ("arrays", JSON, "", "["),
    ("objects", JSON, "", r#"{"":"#),
    ("arrays of objects", JSON, "", r#"[{"":"#),
    ("escapes", JSON, r#"{"reason":""#, r"\u0000"),
    ("symbols of rspamd", JSON, r#"{"user":"alice@example.org","symbols":["#, r#"{"":["#),
    ("recipients", JSON, r#"{"sender":"alice@example.org","recipients":["#, "["),
    ("batches", JSON, "", r#"{"requests":[{"id":"1","method":"POST","url":"/","body":"#),
    ("parameters", JSON, r#"{"CmdletInput":{"CmdletName":"x","Parameters":"#, r#"{"":"#),
    ("brackets", FORM, "addresses", "[a]"),
    ("fields", FORM, "", "addresses=&"),
    ("percent signs", FORM, "address=", "%25"),
    ("JSON in a form", FORM, "credential=", "%7B%22%22%3A"),
    ("messages", "message/rfc822", "", "Content-Type:message/rfc822\n\n"),
    ("multiparts", "message/rfc822", "", "Content-Type: multipart/digest; boundary=\"b\"\n\n--b\n"),
];

/// Each kind, `size` bytes of it.
pub fn nests(size: usize) -> impl Iterator<Item = Nest> {
    KINDS.into_iter().map(move |(name, content_type, first, level)| {
        let levels = (size - first.len()) / level.len();
        Nest { name, content_type, body: format!("{first}{}", level.repeat(levels)) }
    })
}
