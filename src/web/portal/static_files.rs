//! The portal's own files, embedded, under an address that changes with their content.

use crate::web::error::Problem;
use axum::extract::RawPathParams;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/static"]
struct Files;

/// Octets of a file's SHA-256 in its address.
const HASH: usize = 8;

/// A file never changes at its address.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The address of a file of `static/`.
pub(crate) fn address_of(name: &str) -> String {
    let file = Files::get(name).expect("templates name files that there are");
    format!("/static/{}/{name}", hash_of(&file))
}

fn hash_of(file: &EmbeddedFile) -> String {
    hex::encode(&file.metadata.sha256_hash()[..HASH])
}

pub(crate) async fn serve(params: RawPathParams) -> Result<Response, Problem> {
    let mut values = params.iter().map(|(_, value)| value);
    let (hash, name) = values.next().zip(values.next()).ok_or(Problem::NotFound)?;
    let file = Files::get(name).filter(|file| hash_of(file) == hash).ok_or(Problem::NotFound)?;
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let headers = [(header::CONTENT_TYPE, kind.as_ref()), (header::CACHE_CONTROL, FOR_EVER)];
    Ok((headers, file.data).into_response())
}
