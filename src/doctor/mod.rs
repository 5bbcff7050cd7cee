//! What stands between the settings of Postfix and a service that works: found by looking at both,
//! told with the line that changes it.

mod files;
mod finding;
pub mod live;
mod main_cf;
mod maps;
mod master;
mod policy;
mod postconf;
mod postfix;
mod restrictions;
mod settings;
mod submission;
#[cfg(test)]
mod tests;

pub use files::examine as examine_files;
pub use finding::{Finding, Level};
pub use main_cf::main_cf;
pub use policy::{Endpoint, is_wildcard};
pub use postconf::{Postconf, Unread, read};
pub use postfix::{asked, examine};
pub use settings::examine as examine_settings;
