//! A change of one policy, and what it makes of all of them: every custom policy has a place, from
//! 0 without gaps, and whoever comes in between moves the others.

use super::policy::OutboundSpamPolicy;
use uuid::Uuid;

/// Custom policies; against so many that every message is slow to judge.
pub const MOST_POLICIES: usize = 100;

/// A change of one policy.
#[derive(Debug, Clone)]
pub enum PolicyChange {
    /// A new one, at the place that it names or else behind the other custom ones.
    Create(Box<OutboundSpamPolicy>),
    /// Another document for one, at the place that it names or else where it was.
    Replace {
        /// The document.
        policy: Box<OutboundSpamPolicy>,
        /// The one that is replaced, as whoever asks has seen it; nothing replaces it whatever it
        /// is by now.
        seen: Option<Box<OutboundSpamPolicy>>,
    },
    /// One changes places with the one before it.
    MoveUp(Uuid),
    /// One changes places with the one behind it.
    MoveDown(Uuid),
    Delete(Uuid),
}

/// Why a change is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyRefused {
    Unknown,
    /// Another one has this name, in any case.
    NameTaken,
    /// The default policy can neither go nor move.
    IsDefault,
    /// There are [`MOST_POLICIES`] custom ones already.
    TooMany,
    NoSuchPlace {
        /// The place that was asked for.
        asked: i64,
        /// The last that there is.
        last: i64,
    },
    /// Somebody changed it after it was seen.
    ChangedMeanwhile,
}

impl PolicyChange {
    /// Which policy it is about.
    pub fn id(&self) -> Uuid {
        match self {
            Self::Create(policy) | Self::Replace { policy, .. } => policy.id,
            Self::MoveUp(id) | Self::MoveDown(id) | Self::Delete(id) => *id,
        }
    }

    /// All policies after it. `policies` are in order, the default policy last, and so is the
    /// answer.
    ///
    /// # Errors
    /// When these policies do not allow it.
    pub fn apply(
        self,
        mut policies: Vec<OutboundSpamPolicy>,
    ) -> Result<Vec<OutboundSpamPolicy>, PolicyRefused> {
        let known = policies.iter().position(|policy| policy.id == self.id());
        let known = known.ok_or(PolicyRefused::Unknown);
        match self {
            Self::Create(policy) => create(&mut policies, *policy)?,
            Self::Replace { policy, seen } => replace(&mut policies, known?, *policy, seen)?,
            Self::MoveUp(_) => swap(&mut policies, known?, known?.checked_sub(1))?,
            Self::MoveDown(_) => swap(&mut policies, known?, Some(known? + 1))?,
            Self::Delete(id) => {
                custom(&policies[known?])?;
                policies.retain(|policy| policy.id != id);
            }
        }
        number(&mut policies);
        Ok(policies)
    }
}

fn create(
    policies: &mut Vec<OutboundSpamPolicy>,
    policy: OutboundSpamPolicy,
) -> Result<(), PolicyRefused> {
    // The default policy is no custom one.
    if policies.len() > MOST_POLICIES {
        return Err(PolicyRefused::TooMany);
    }
    insert(policies, policy)
}

fn replace(
    policies: &mut Vec<OutboundSpamPolicy>,
    at: usize,
    mut policy: OutboundSpamPolicy,
    seen: Option<Box<OutboundSpamPolicy>>,
) -> Result<(), PolicyRefused> {
    if seen.is_some_and(|seen| *seen != policies[at]) {
        return Err(PolicyRefused::ChangedMeanwhile);
    }
    let before = policies.remove(at);
    if before.is_default() {
        free_name(policies, &policy)?;
        policies.push(policy);
        return Ok(());
    }
    policy.priority = policy.priority.or(before.priority);
    insert(policies, policy)
}

/// Puts a custom policy in its place among those that are there, the default policy included.
fn insert(
    policies: &mut Vec<OutboundSpamPolicy>,
    policy: OutboundSpamPolicy,
) -> Result<(), PolicyRefused> {
    free_name(policies, &policy)?;
    let last = policies.len() - 1;
    let place = match policy.priority {
        None => last,
        Some(asked) => usize::try_from(asked)
            .ok()
            .filter(|place| *place <= last)
            .ok_or(PolicyRefused::NoSuchPlace { asked, last: as_place(last) })?,
    };
    policies.insert(place, policy);
    Ok(())
}

/// People tell policies apart by their names, whatever the case.
fn free_name(
    policies: &[OutboundSpamPolicy],
    policy: &OutboundSpamPolicy,
) -> Result<(), PolicyRefused> {
    let name = policy.name.to_lowercase();
    let taken = policies.iter().any(|other| other.name.to_lowercase() == name);
    if taken { Err(PolicyRefused::NameTaken) } else { Ok(()) }
}

/// The first custom policy stays first, and the last stays before the default policy.
fn swap(
    policies: &mut [OutboundSpamPolicy],
    at: usize,
    to: Option<usize>,
) -> Result<(), PolicyRefused> {
    custom(&policies[at])?;
    if let Some(to) = to.filter(|to| !policies[*to].is_default()) {
        policies.swap(at, to);
    }
    Ok(())
}

fn custom(policy: &OutboundSpamPolicy) -> Result<(), PolicyRefused> {
    if policy.is_default() { Err(PolicyRefused::IsDefault) } else { Ok(()) }
}

fn number(policies: &mut [OutboundSpamPolicy]) {
    for (place, policy) in policies.iter_mut().enumerate() {
        policy.priority = (!policy.is_default()).then(|| as_place(place));
    }
}

fn as_place(place: usize) -> i64 {
    i64::try_from(place).expect("there are at most 100 custom policies")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(name: &str, priority: Option<i64>) -> OutboundSpamPolicy {
        let id = Uuid::from_u128(name.bytes().fold(7, |id, byte| id * 256 + u128::from(byte)));
        OutboundSpamPolicy {
            id,
            name: name.into(),
            priority,
            ..OutboundSpamPolicy::default_policy()
        }
    }

    fn of(names: &[&str]) -> Vec<OutboundSpamPolicy> {
        let mut policies: Vec<_> = names.iter().map(|name| policy(name, None)).collect();
        policies.push(OutboundSpamPolicy::default_policy());
        number(&mut policies);
        policies
    }

    fn names(policies: &[OutboundSpamPolicy]) -> Vec<&str> {
        policies.iter().map(|policy| policy.name.as_str()).collect()
    }

    fn create(name: &str, priority: Option<i64>) -> PolicyChange {
        PolicyChange::Create(policy(name, priority).into())
    }

    fn replace(name: &str, priority: Option<i64>) -> PolicyChange {
        PolicyChange::Replace { policy: policy(name, priority).into(), seen: None }
    }

    #[test]
    fn whoever_takes_a_place_moves_the_others() {
        let id = |name| policy(name, None).id;
        for (change, expected) in [
            (create("d", None), ["a", "b", "c", "d", "Default"].as_slice()),
            (create("d", Some(0)), &["d", "a", "b", "c", "Default"]),
            (create("d", Some(3)), &["a", "b", "c", "d", "Default"]),
            (replace("a", Some(2)), &["b", "c", "a", "Default"]),
            (replace("c", Some(0)), &["c", "a", "b", "Default"]),
            (replace("b", None), &["a", "b", "c", "Default"]),
            (PolicyChange::MoveUp(id("b")), &["b", "a", "c", "Default"]),
            (PolicyChange::MoveUp(id("a")), &["a", "b", "c", "Default"]),
            (PolicyChange::MoveDown(id("b")), &["a", "c", "b", "Default"]),
            (PolicyChange::MoveDown(id("c")), &["a", "b", "c", "Default"]),
            (PolicyChange::Delete(id("b")), &["a", "c", "Default"]),
        ] {
            let told = format!("{change:?}");
            let after = change.apply(of(&["a", "b", "c"])).unwrap();
            assert_eq!(names(&after), expected, "{told}");
        }
    }

    #[test]
    fn what_the_others_do_not_allow_is_refused() {
        use super::super::DEFAULT_POLICY;
        let seen = Some(policy("a", Some(1)).into());
        let meanwhile = PolicyChange::Replace { policy: policy("a", None).into(), seen };
        let last = 2;
        for (change, expected) in [
            (create("B", None), PolicyRefused::NameTaken),
            (create("default", None), PolicyRefused::NameTaken),
            (create("c", Some(3)), PolicyRefused::NoSuchPlace { asked: 3, last }),
            (create("c", Some(-1)), PolicyRefused::NoSuchPlace { asked: -1, last }),
            (replace("a", Some(2)), PolicyRefused::NoSuchPlace { asked: 2, last: 1 }),
            (replace("z", None), PolicyRefused::Unknown),
            (meanwhile, PolicyRefused::ChangedMeanwhile),
            (PolicyChange::Delete(Uuid::from_u128(9)), PolicyRefused::Unknown),
            (PolicyChange::Delete(DEFAULT_POLICY), PolicyRefused::IsDefault),
            (PolicyChange::MoveUp(DEFAULT_POLICY), PolicyRefused::IsDefault),
        ] {
            let told = format!("{change:?}");
            assert_eq!(change.apply(of(&["a", "b"])).unwrap_err(), expected, "{told}");
        }
        let many: Vec<_> = (0..MOST_POLICIES).map(|number| format!("policy {number}")).collect();
        let many = of(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(create("one more", None).apply(many).unwrap_err(), PolicyRefused::TooMany);
    }

    proptest! {
        #[test]
        fn places_have_neither_gaps_nor_rivals_whatever_is_done(
            changes in prop::collection::vec((0..5u8, 0..6usize, prop::option::of(-1..8i64)), 0..30),
        ) {
            const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "Default"];
            let mut policies = of(&["a", "b"]);
            for (kind, name, priority) in changes {
                let policy = policy(NAMES[name], priority);
                let change = match kind {
                    0 => PolicyChange::Create(policy.into()),
                    1 => PolicyChange::Replace { policy: policy.into(), seen: None },
                    2 => PolicyChange::MoveUp(policy.id),
                    3 => PolicyChange::MoveDown(policy.id),
                    _ => PolicyChange::Delete(policy.id),
                };
                policies = change.apply(policies.clone()).unwrap_or(policies);
                let places: Vec<_> = policies.iter().map(|policy| policy.priority).collect();
                let custom = i64::try_from(policies.len()).unwrap() - 1;
                let expected: Vec<_> = (0..custom).map(Some).chain([None]).collect();
                prop_assert_eq!(places, expected);
            }
        }
    }
}
