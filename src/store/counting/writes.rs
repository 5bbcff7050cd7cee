//! Writing what was counted.

use super::messages::push_messages;
use super::sending::{Row, minute};
use super::sums::{SQLITE_LIST, Sums, Wanted, push_sums};
use super::{Result, Touched, Tx, chunks, filled_with};
use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{Database, Encode, QueryBuilder, Type};

impl Tx {
    /// Writes messages, adds rows to the counts, and then tells what senders sent lately. SQLite does
    /// it all at once: from one statement to the next, one thread waits for another.
    pub(super) async fn write_and_sum(
        &mut self,
        messages: &[&Touched],
        rows: &[Row<'_>],
        wanted: &[Wanted],
        now: DateTime<Utc>,
    ) -> Result<Vec<Sums>> {
        let (messages, rows) = (chunks(messages), chunks(rows));
        let wanted = filled_with(wanted, Wanted::nobody);
        let now = minute(now);
        let insert = self.many("INSERT OR FAIL INTO", "INSERT INTO");
        match self {
            Self::Sqlite(tx) => {
                let mut query = QueryBuilder::new("");
                for messages in messages {
                    push_messages(&mut query, insert, messages);
                    query.push("; ");
                }
                for rows in rows {
                    push_rows(&mut query, rows);
                    query.push("; ");
                }
                for wanted in wanted {
                    query.push(SQLITE_LIST);
                    push_sums(&mut query, &wanted, now);
                    query.push("); ");
                }
                let lists: Vec<Json<Vec<Sums>>> =
                    query.build_query_scalar().fetch_all(&mut **tx).await?;
                Ok(lists.into_iter().flat_map(|Json(list)| list).collect())
            }
            Self::Postgres(tx) => {
                for messages in messages {
                    let mut query = QueryBuilder::new("");
                    push_messages(&mut query, insert, messages);
                    query.build().execute(&mut **tx).await?;
                }
                for rows in rows {
                    let mut query = QueryBuilder::new("");
                    push_rows(&mut query, rows);
                    query.build().execute(&mut **tx).await?;
                }
                let mut sums = Vec::new();
                for wanted in wanted {
                    let mut query = QueryBuilder::new("");
                    push_sums(&mut query, &wanted, now);
                    sums.extend(query.build_query_as::<Sums>().fetch_all(&mut **tx).await?);
                }
                Ok(sums)
            }
        }
    }
}

fn push_rows<DB: Database>(query: &mut QueryBuilder<DB>, rows: &[Row<'_>])
where
    for<'t> &'t str: Encode<'t, DB> + Type<DB>,
    for<'t> i64: Encode<'t, DB> + Type<DB>,
{
    query.push(
        "INSERT INTO sending
                (sender, minute, since, messages, spam, inside, outside, unplaced) ",
    );
    query.push_values(rows, |mut row, (sender, (minute, since), delta)| {
        row.push_bind(sender.as_str())
            .push_bind(*minute)
            .push_bind(*since)
            .push_bind(delta.messages)
            .push_bind(delta.spam)
            .push_bind(delta.inside)
            .push_bind(delta.outside)
            .push_bind(delta.unplaced);
    });
    query.push(
        " ON CONFLICT (sender, minute, since) DO UPDATE
             SET messages = sending.messages + excluded.messages,
                 spam = sending.spam + excluded.spam,
                 inside = sending.inside + excluded.inside,
                 outside = sending.outside + excluded.outside,
                 unplaced = sending.unplaced + excluded.unplaced",
    );
}
