//! Lists of restrictions (postconf(5), `smtpd_sender_restrictions`).

use super::policy::PolicyService;
use super::postconf::Postconf;

/// How deep classes of restrictions are followed; against one that names itself.
const DEEPEST: usize = 8;

/// One entry of a list that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// A policy service is asked; whether its refusals are only logged.
    Asks(PolicyService, bool),
    /// Whom it is for, for that the list ends here.
    Permits(String),
}

/// The entries of a list that matter here, classes of restrictions followed.
pub(super) fn entries(list: &str, postconf: &Postconf) -> Vec<Entry> {
    let mut entries = Vec::new();
    read(list, postconf, DEEPEST, &mut entries);
    entries
}

fn read(list: &str, postconf: &Postconf, depth: usize, entries: &mut Vec<Entry>) {
    let classes = split(postconf.main("smtpd_restriction_classes"));
    let (mut words, mut only_logged) = (split(list).into_iter(), false);
    while let Some(word) = words.next() {
        match word {
            "warn_if_reject" => {
                only_logged = true;
                continue;
            }
            "check_policy_service" => {
                let service = PolicyService::read(words.next().unwrap_or_default());
                entries.push(Entry::Asks(service, only_logged));
            }
            permits if permits == "permit" || permits.starts_with("permit_") => {
                entries.push(Entry::Permits(permits.to_owned()));
            }
            class if depth > 0 && classes.contains(&class) => {
                read(postconf.main(class), postconf, depth - 1, entries);
            }
            _ => {}
        }
        only_logged = false;
    }
}

/// The words of a list: commas or blanks stand between them, braces hold one together.
pub(super) fn split(list: &str) -> Vec<&str> {
    let (mut words, mut begin, mut depth) = (Vec::new(), None, 0_usize);
    for (at, char) in list.char_indices() {
        let between = depth == 0 && (char == ',' || char.is_whitespace());
        match (begin, between) {
            (Some(from), true) => {
                words.push(&list[from..at]);
                begin = None;
            }
            (None, false) => begin = Some(at),
            _ => {}
        }
        match char {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    words.extend(begin.map(|from| &list[from..]));
    words
}

/// What stands in braces.
pub(super) fn unbraced(word: &str) -> Option<&str> {
    word.strip_prefix('{')?.strip_suffix('}').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn braces_hold_words_together() {
        assert_eq!(
            split("check_policy_service { inet:a:1, {default_action = 451 no} },permit"),
            ["check_policy_service", "{ inet:a:1, {default_action = 451 no} }", "permit"]
        );
        assert_eq!(split(" , "), [""; 0]);
    }

    #[test]
    fn a_class_is_followed_and_one_that_names_itself_ends() {
        let postconf = Postconf::parse(
            "smtpd_restriction_classes = mua, loop\nmua = check_policy_service unix:a, permit\nloop = loop",
            "",
            "",
        );
        let read = entries("loop, warn_if_reject reject_unlisted_sender, mua", &postconf);
        let [Entry::Asks(service, false), Entry::Permits(permits)] = &read[..] else {
            panic!("{read:?}")
        };
        assert_eq!(service.endpoint.as_ref().unwrap().to_string(), "unix:a");
        assert_eq!(permits, "permit");
    }

    proptest! {
        #[test]
        fn any_list_is_read(list in "[a-z{}=:, \n]{0,200}") {
            let postconf = Postconf::parse(&list, &list, &list);
            for word in split(&list) {
                prop_assert!(!word.is_empty());
                let _ = PolicyService::read(word);
            }
            let _ = entries(&list, &postconf);
        }
    }
}
