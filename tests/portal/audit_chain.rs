//! Checks the chain of the audit log from its first record to its last.

use restricted_users::model::history::{NO_HASH, chained};
use restricted_users::store::{AuditQuery, AuditRecord, Store};

/// The records, oldest first, after a check that numbers have no gaps and every hash fits.
pub async fn checked(store: &Store) -> Vec<serde_json::Value> {
    let query = AuditQuery { limit: 1_000_000, ..AuditQuery::default() };
    let mut records = store.audit(&query).await.unwrap();
    records.sort_by_key(|record| record.number);
    let mut before = NO_HASH.to_owned();
    let mut entries = Vec::new();
    for (expected, AuditRecord { number, record, hash, .. }) in (1..).zip(records) {
        assert_eq!(number, expected, "a gap in the audit log");
        assert_eq!(hash, chained(&before, &record), "record {number} does not fit its hash");
        entries.push(serde_json::from_str(&record).unwrap());
        before = hash;
    }
    entries
}
