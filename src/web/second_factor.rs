//! What an operator needs beside the password.

use crate::store::OperatorRecord;

/// The second factor as page and API name it.
pub(crate) fn second_factor(operator: &OperatorRecord) -> &'static str {
    if operator.is_vouched_for {
        return "identity provider";
    }
    match (operator.has_codes, operator.has_passkey) {
        (false, false) => "none",
        (true, false) => "one-time codes",
        (false, true) => "passkey",
        (true, true) => "one-time codes, passkey",
    }
}
