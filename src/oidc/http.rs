//! Asking the provider over HTTP, within limits.

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use std::pin::Pin;
use std::time::Duration;

/// An operator waits for the answer, so do others who sign in meanwhile.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// A provider's keys or a token with hundreds of groups have some ten kilobytes.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// An HTTP client for the provider's addresses alone.
#[derive(Debug)]
pub(super) struct Http(reqwest::Client);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error(transparent)]
    Failed(#[from] reqwest::Error),
    #[error("the answer has more than {LARGEST_ANSWER} bytes")]
    TooLarge,
}

impl Http {
    /// `https_only` keeps the provider's own description from naming addresses without it.
    pub(super) fn new(https_only: bool) -> Self {
        // An error says that another part has chosen the same one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(ANSWERS_WITHIN)
            .https_only(https_only)
            // A redirect could lead the client's secret to somewhere else.
            .redirect(Policy::none())
            .build()
            .expect("the system's certificates can be read");
        Self(client)
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
        let mut answer = self.0.execute(request.try_into()?).await?;
        let mut whole = http::Response::new(Vec::new());
        *whole.status_mut() = answer.status();
        *whole.headers_mut() = std::mem::take(answer.headers_mut());
        while let Some(chunk) = answer.chunk().await? {
            if whole.body().len() + chunk.len() > LARGEST_ANSWER {
                return Err(NoAnswer::TooLarge);
            }
            whole.body_mut().extend_from_slice(&chunk);
        }
        Ok(whole)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, NoAnswer>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}
