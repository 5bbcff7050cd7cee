//! Recovery codes: for who has lost the second factor.

use crate::secret::SecretHash;
use secrecy::{ExposeSecret, SecretString};

/// How many an operator gets at once.
pub const RECOVERY_CODES: usize = 10;

/// Letters and digits that nobody mistakes for one another: 32, so that each carries 5 bits.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// 24 characters are 120 bits: too many to guess, so that a plain hash in the store is enough.
const CHARACTERS: usize = 24;
const GROUP: usize = 6;

/// New codes, to be shown once.
pub fn new_recovery_codes() -> Vec<SecretString> {
    (0..RECOVERY_CODES).map(|_| new_code()).collect()
}

/// # Panics
/// When the system has no random bytes to give, without which nothing here is safe.
fn new_code() -> SecretString {
    let mut bytes = [0; CHARACTERS];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    let letters = bytes.map(|byte| ALPHABET[usize::from(byte) % ALPHABET.len()]);
    let groups = letters.chunks(GROUP).map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join("-").into()
}

/// What the store knows of a code, in whichever case and with whichever blanks it was typed.
pub fn recovery_code_hash(code: &SecretString) -> SecretHash {
    let typed = code.expose_secret().chars().filter(char::is_ascii_alphanumeric);
    SecretHash::of(&typed.collect::<String>().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_however_it_is_typed() {
        let code = new_code();
        let text = code.expose_secret();
        assert_eq!(text.len(), CHARACTERS + 3, "{text}");
        let typed = format!(" {} ", text.replace('-', " ").to_uppercase());
        assert!(recovery_code_hash(&code) == recovery_code_hash(&typed.into()));
        assert!(recovery_code_hash(&code) != recovery_code_hash(&new_code()));
    }
}
