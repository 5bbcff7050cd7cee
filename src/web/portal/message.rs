//! A message as pages show it: a stranger's text is cut to a decent length and told apart from ours.

use super::words::{decent, number};
use crate::model::address::Address;
use crate::model::{Message, Recipients, Symbol, Verdict};
use chrono::{DateTime, Utc};
use url::form_urlencoded::Serializer;
use uuid::Uuid;

/// Recipients that stand beside a message.
const FIRST: usize = 3;
/// Recipients that are named at all; of the others only their number is told.
const NAMED: usize = 50;
/// Characters of an address, which has at most 320 where it is one.
const ADDRESS: usize = 80;
/// Characters of a subject.
const SUBJECT: usize = 120;
/// Characters of a Message-ID or of a symbol's name.
const NAME: usize = 100;

/// A message in a table or a list.
pub(crate) struct Shown {
    pub(crate) id: Uuid,
    pub(crate) at: DateTime<Utc>,
    pub(crate) sender: String,
    /// The filter that finds what else this sender sent.
    pub(crate) same_sender: String,
    pub(crate) recipients: ShownRecipients,
    pub(crate) subject: String,
    pub(crate) verdict: &'static str,
    pub(crate) judged: &'static str,
    pub(crate) score: Option<String>,
    pub(crate) symbols: Vec<ShownSymbol>,
    pub(crate) client_address: Option<String>,
    pub(crate) queue_id: Option<String>,
    pub(crate) message_id: Option<String>,
}

/// Whom a message is for.
pub(crate) struct ShownRecipients {
    pub(crate) first: Vec<String>,
    /// How many there are beside the first.
    pub(crate) others: Option<String>,
    /// The first and those that follow them.
    pub(crate) named: Vec<String>,
    /// How many there are beside the named.
    pub(crate) unnamed: Option<String>,
    /// How many of them are where.
    pub(crate) places: String,
}

/// A rule of a spam filter that matched.
pub(crate) struct ShownSymbol {
    pub(crate) name: String,
    pub(crate) score: String,
}

impl From<Message> for Shown {
    fn from(message: Message) -> Self {
        let sender = message.sender.as_str();
        let (verdict, judged) = match message.verdict {
            Some(Verdict::Spam) => ("spam", "Spam"),
            Some(Verdict::Clean) => ("clean", "Clean"),
            None => ("none", "Not judged"),
        };
        Self {
            id: message.id,
            at: message.at,
            same_sender: same_sender(&message.sender),
            sender: decent(sender, ADDRESS),
            recipients: message.recipients.into(),
            subject: decent(message.subject.as_deref().unwrap_or_default(), SUBJECT),
            verdict,
            judged,
            score: message.score.map(points),
            symbols: message.symbols.into_iter().map(Into::into).collect(),
            client_address: message.client_address.map(|address| decent(&address, ADDRESS)),
            queue_id: message.queue_id.map(|id| decent(&id, NAME)),
            message_id: message.message_id.map(|id| decent(&id, NAME)),
        }
    }
}

/// The filter that finds what a sender sent.
pub(crate) fn same_sender(sender: &Address) -> String {
    Serializer::new(String::new()).append_pair("sender", sender.as_str()).finish()
}

impl From<Recipients> for ShownRecipients {
    fn from(recipients: Recipients) -> Self {
        let all = recipients.count();
        let named = recipients.named.iter().take(NAMED);
        let named: Vec<String> = named.map(|address| decent(address, ADDRESS)).collect();
        let first: Vec<String> = named.iter().take(FIRST).cloned().collect();
        let beside = |shown: &Vec<String>| {
            let beside = all - i64::try_from(shown.len()).unwrap_or(i64::MAX);
            (beside > 0).then(|| number(beside))
        };
        Self {
            others: beside(&first),
            unnamed: beside(&named),
            places: places(&recipients),
            first,
            named,
        }
    }
}

/// `2 outside, 1 inside`.
fn places(recipients: &Recipients) -> String {
    let places = [
        (recipients.outside, "outside"),
        (recipients.inside, "inside"),
        (recipients.unplaced, "not known where"),
    ];
    let told = places.into_iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> =
        told.map(|(count, place)| format!("{} {place}", number(count))).collect();
    told.join(", ")
}

impl From<Symbol> for ShownSymbol {
    fn from(symbol: Symbol) -> Self {
        Self { name: decent(&symbol.name, NAME), score: points(symbol.score) }
    }
}

/// A score to two places; one that no filter gives in its right mind is told roughly.
fn points(score: f64) -> String {
    if score.abs() >= 1e6 {
        return format!("{score:.0e}");
    }
    // A sum with zero is never a negative zero.
    let rounded = (score * 100.0).round() / 100.0 + 0.0;
    rounded.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_reads_well_whatever_a_filter_says() {
        let told = [12.5, 3.0, -0.001, -5.126, 1e308, f64::MIN_POSITIVE].map(points);
        assert_eq!(told, ["12.5", "3", "0", "-5.13", "1e308", "0"]);
    }

    #[test]
    fn of_many_recipients_the_first_are_named_and_the_others_counted() {
        let named = (0..1_000).map(|number| format!("user{number}@remote.example")).collect();
        let many = Recipients { named, inside: 2, outside: 1_998, unplaced: 0 };
        let shown = ShownRecipients::from(many);
        assert_eq!(shown.first.len(), 3);
        assert_eq!(shown.others.as_deref(), Some("1,997"));
        assert_eq!(shown.named.len(), NAMED);
        assert_eq!(shown.unnamed.as_deref(), Some("1,950"));
        assert_eq!(shown.places, "1,998 outside, 2 inside");
    }
}
