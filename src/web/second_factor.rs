//! What an operator needs beside the password.

use crate::store::OperatorRecord;

/// The second factor as the API names it.
pub(crate) fn second_factor(operator: &OperatorRecord) -> &'static str {
    if operator.is_vouched_for { "identity provider" } else { "none" }
}
