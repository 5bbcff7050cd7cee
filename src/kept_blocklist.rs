//! A copy of the blocklist in `state_directory`, so that restricted users stay refused when the service
//! starts while its database is away.

use crate::app::App;
use crate::blocklist::{Blocklist, Mark};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const NAME: &str = "blocklist";
/// How often the copy is written, where anything has changed.
const EVERY: Duration = Duration::from_mins(1);

/// Who was restricted, and after which change.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptBlocklist {
    pub followed: Option<Mark>,
    pub restricted: Vec<(Box<str>, Uuid)>,
}

/// Keeps the copy until `stop`.
pub async fn run(app: &App, stop: &CancellationToken) {
    let Some(folder) = app.config.state_directory.clone() else { return stop.cancelled().await };
    let mut kept = None;
    loop {
        let goes_on = stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some();
        let followed = app.blocklist.known().followed;
        // At the end, what was committed last may not be followed yet.
        if kept != Some(followed) || !goes_on {
            match keep(&app.blocklist, folder.clone()).await {
                Ok(()) => kept = Some(followed),
                Err(error) => {
                    let folder = folder.display();
                    tracing::error!(%folder, %error, "the blocklist cannot be kept");
                }
            }
        }
        if !goes_on {
            return;
        }
    }
}

/// Writes a copy beside the old one, and puts it in its place once it is whole.
pub async fn keep(blocklist: &Blocklist, folder: PathBuf) -> io::Result<()> {
    let kept = blocklist.kept();
    let write = move || {
        let json = serde_json::to_vec(&kept)?;
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        writeln!(file, "{}", hash(&json))?;
        file.write_all(&json)?;
        file.as_file().sync_all()?;
        file.persist(folder.join(NAME))?;
        Ok(())
    };
    tokio::task::spawn_blocking(write).await?
}

impl KeptBlocklist {
    /// The copy in a folder.
    ///
    /// # Errors
    /// When there is none, or it is not as it was written.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let text = std::fs::read_to_string(folder.join(NAME))?;
        match text.split_once('\n') {
            Some((kept, json)) if kept == hash(json.as_bytes()) => Ok(serde_json::from_str(json)?),
            _ => Err(io::Error::other("it is not as it was written")),
        }
    }
}

fn hash(json: &[u8]) -> String {
    hex::encode(Sha256::digest(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_copy_is_read_as_it_was_written_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let id = Uuid::from_u128(7);
        let followed = Some(Mark { number: 3, id, at: chrono::DateTime::UNIX_EPOCH });
        let restricted = vec![("\"a\\nb\"@example.org".into(), id)];
        let blocklist = Blocklist::load(restricted.clone(), followed);
        keep(&blocklist, folder.path().into()).await.unwrap();
        let kept = KeptBlocklist::read(folder.path()).unwrap();
        assert_eq!(kept, KeptBlocklist { followed, restricted });

        let path = folder.path().join(NAME);
        let text = std::fs::read_to_string(&path).unwrap().replace("example.org", "example.com");
        std::fs::write(&path, text).unwrap();
        KeptBlocklist::read(folder.path()).unwrap_err();
    }
}
