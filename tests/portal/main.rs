//! Stories on a real service, a real database and real sockets. They run on SQLite, and on the
//! Postgres server at `TEST_DATABASE_URL` where that is set.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod account;
mod alerts;
mod audit_chain;
mod audit_log;
mod audit_page;
mod bad_input;
mod browser;
mod command_line;
mod counting;
mod database_away;
mod deliveries;
mod demo;
mod evidence;
mod exchange;
mod guessing;
mod harness;
mod health;
mod import;
mod kill;
mod kill_counting;
mod life_of_a_restriction;
mod list;
mod message_trace;
mod oidc;
mod outbound_messages;
mod outbound_spam_policies;
mod pages;
mod permissions;
mod phone;
mod policy_port;
mod program;
mod releases;
mod replay;
mod replicas;
mod restricting;
mod retention;
mod role_groups;
mod second_factor;
mod second_step;
mod secrets;
mod service_manager;
mod sign_in;
mod socketmap;
mod verdicts;
