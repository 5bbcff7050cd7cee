//! What makes the audit log append-only: triggers that refuse to change or delete a record. The one
//! thing that is written twice.

use super::{Backend, Result, Store};

const SQLITE: &str = "
    CREATE TRIGGER IF NOT EXISTS audit_refuses_update BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
    CREATE TRIGGER IF NOT EXISTS audit_refuses_delete BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
    -- INSERT OR REPLACE deletes without telling the trigger above.
    CREATE TRIGGER IF NOT EXISTS audit_refuses_replace BEFORE INSERT ON audit
    WHEN EXISTS (SELECT 1 FROM audit WHERE number = NEW.number)
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
";

/// A lock of its own, because replicas that start at once would collide on the function.
const POSTGRES: &str = "
    SELECT pg_advisory_xact_lock(7022924917364715892);
    CREATE OR REPLACE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$;
    CREATE OR REPLACE TRIGGER audit_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit();
";

impl Store {
    /// Makes the audit log append-only, where it is not yet.
    pub(super) async fn seal_audit(&self) -> Result<()> {
        match &self.write {
            Backend::Sqlite(writer) => {
                sqlx::raw_sql(SQLITE).execute(writer.pool()).await?;
            }
            // Several statements sent at once are one transaction.
            Backend::Postgres(server) => {
                sqlx::raw_sql(POSTGRES).execute(server).await?;
            }
        }
        Ok(())
    }
}
