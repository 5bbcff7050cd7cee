//! What an operator needs beside the password.

use crate::store::OperatorRecord;

/// The second factor as the API names it.
pub(crate) fn second_factor(_operator: &OperatorRecord) -> &'static str {
    "none"
}
