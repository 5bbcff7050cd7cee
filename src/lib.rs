//! Restricted Users finds the mail account that has turned into a spam source, stops its mail to
//! the outside, and gives admins a guided way to let the user back in.
//!
//! How the modules depend on each other, downwards; those on one line do not know each other:
//!
//! ```text
//! cli → service ┬ web   postfix   socketmap   unblocker   courier   follower   feed …  the parts
//!               │          └→ mail_port ←┘
//!               └──┴───────┴──────────┴──────────┴──────────┴──────────┴→ app       what they share
//!                     decision → blocklist  refusals   meter → store     memory, and the only SQL
//!                                                                model   its words, without I/O
//! cli → doctor   replay → model                                          what needs no service
//! ```

pub mod app;
pub mod attempts;
pub mod blocked_senders;
pub mod blocklist;
pub mod bookkeeper;
pub mod checkpointer;
pub mod cli;
pub mod committed;
pub mod config;
pub mod courier;
pub mod decision;
pub mod demo;
pub mod doctor;
pub mod export;
pub mod feed;
pub mod feedback_report;
pub mod follower;
pub mod health;
pub mod idempotency;
pub mod kept_blocklist;
pub mod mail_port;
pub mod meter;
pub mod mime;
pub mod model;
pub mod notary;
pub mod oidc;
pub mod one_time_code;
pub mod one_time_link;
pub mod opaque_logins;
pub mod open_files;
pub mod passkey;
pub mod password;
pub mod places;
pub mod postfix;
mod private_file;
pub mod rate_limit;
pub mod recovery_code;
pub mod refusals;
pub mod replay;
pub mod retention;
pub mod rspamd;
pub mod secret;
mod seldom;
pub mod service;
pub mod service_manager;
pub mod socketmap;
mod spreadsheet;
pub mod store;
pub mod streams;
pub mod telemetry;
pub mod timekeeper;
pub mod token;
pub mod token_memory;
pub mod token_uses;
pub mod turns;
pub mod unblocker;
pub mod web;

/// Threads allocate for each other here: what one of SQLite's reads, another one sends. glibc's
/// allocator keeps them waiting for its locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
