//! The columns of tables that are read whole, by name. A newer program may add a column while this one
//! runs; Postgres then refuses what this one has prepared with `*`.

/// The columns of a table, as its row reads them.
macro_rules! columns {
    (restrictions) => {
        "id, address, cause, reason, temporary, ends_at, restricted_at, restricted_by, changed_at, \
         released_at, unblock_requested_by, unblock_requested_at, takes_effect_at, unblock_comment"
    };
    (messages) => {
        "id, at, sender, source, recipients, inside, outside, unplaced, queue_id, message_id, \
         subject, client_address, verdict, score, symbols"
    };
    (alerts) => {
        "id, policy, severity, status, address, restriction_id, reason, created_at, changed_at, \
         activities, assigned_to, comments, notice_id"
    };
    (tokens) => {
        "name, role_group, created_at, expires_at, last_used_at, last_used_from"
    };
}
pub(crate) use columns;
