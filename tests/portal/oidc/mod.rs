//! Sign-in with the organisation's identity provider. A real one and a real browser do the same in
//! `tests/browser`; here are the stories that no real one would play.

mod account;
mod forged;
mod names;
mod operators;
pub mod provider;
mod trouble;
