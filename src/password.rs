//! What a new password must be: long and hard to guess, whatever characters it is made of.

use crate::secret::{PASSWORD_LENGTH, PasswordHash};
use crate::turns::Place;
use secrecy::{ExposeSecret, SecretString};
use zxcvbn::Score;

/// The product's name is the first thing that a guesser tries.
const PRODUCT: &str = "Restricted Users";

/// A name shorter than this stands in many a good password by chance.
const SHORTEST_NAME: usize = 4;

/// Why a password is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    #[error(
        "it has {0} characters, {least} to {most} are taken",
        least = PASSWORD_LENGTH.start(),
        most = PASSWORD_LENGTH.end()
    )]
    Length(usize),
    /// It contains what a guesser knows of the account.
    #[error(
        "it contains your address or the name of the organisation or the product, which a guesser tries first"
    )]
    Names,
    /// A guesser finds it in a list, or with few tries beyond it.
    #[error(
        "it is among the passwords that are tried first, or nearly; a few unrelated words make a good one"
    )]
    Common,
}

/// Hashes the new password of `account`, when it is the turn of `place`, where it is good.
pub async fn hash_new(
    password: SecretString,
    account: &str,
    organization: &str,
    place: Place,
) -> Result<PasswordHash, Weakness> {
    let (candidate, account) = (password.clone(), account.to_owned());
    let organization = organization.to_owned();
    // It takes milliseconds, too long for the threads that answer.
    let checked = move || check(candidate.expose_secret(), &account, &organization);
    tokio::task::spawn_blocking(checked).await.expect("checking does not panic")?;
    Ok(place.hash(move || PasswordHash::of(&password)).await)
}

fn check(password: &str, account: &str, organization: &str) -> Result<(), Weakness> {
    let length = password.chars().count();
    if !PASSWORD_LENGTH.contains(&length) {
        return Err(Weakness::Length(length));
    }
    let local_part = account.rsplit_once('@').map_or(account, |(local_part, _)| local_part);
    let names = [local_part, organization, PRODUCT];
    if names.iter().any(|name| contains(password, name)) {
        return Err(Weakness::Names);
    }
    // zxcvbn's lists hold 30,000 passwords that were really used, and it sees through `p4ssw0rd`,
    // repetitions, dates and rows of keys. Below three, 10⁸ guesses are enough.
    match zxcvbn::zxcvbn(password, &names).score() {
        Score::Three | Score::Four => Ok(()),
        _ => Err(Weakness::Common),
    }
}

fn contains(password: &str, name: &str) -> bool {
    let name = letters(name);
    name.chars().count() >= SHORTEST_NAME && letters(password).contains(&name)
}

fn letters(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(password: &str) -> Result<(), Weakness> {
        check(password, "al.olivia@example.org", "Example Org")
    }

    #[test]
    fn a_few_words_are_a_good_password_without_any_digit_or_sign() {
        for good in ["a long walk by the sea", "correct horse battery", "грустный кот ест борщ"]
        {
            assert_eq!(checked(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_is_tried_first_is_refused_whatever_its_characters() {
        for common in
            ["password1234", "qwertyuiop[]", "aaaaaaaaaaaaaaaa", "Passw0rd2024!", "123456789012"]
        {
            assert_eq!(checked(common), Err(Weakness::Common), "{common}");
        }
    }

    #[test]
    fn names_of_the_account_the_organisation_and_the_product_are_refused() {
        for named in
            ["blue Al.Olivia lamp post", "exampleorg velvet canyon", "my restricted-users login"]
        {
            assert_eq!(checked(named), Err(Weakness::Names), "{named}");
        }
        assert_eq!(check("tall velvet canyon", "al@example.org", "X"), Ok(()));
    }

    #[test]
    fn characters_are_counted_and_not_octets() {
        assert_eq!(checked("elf Zeichen"), Err(Weakness::Length(11)));
        assert_eq!(checked(&"ä".repeat(129)), Err(Weakness::Length(129)));
    }
}
