//! The columns of `Get-BlockedSenderAddress`, and what their values mean.

use super::{BlockedSender, date};
use crate::model::address::Address;
use crate::model::organization::Organization;
use crate::model::reason::Reason;
use chrono::{DateTime, Utc};

/// How much of a bad value a message repeats.
const SHOWN_CHARACTERS: usize = 60;

/// A column that is read; all others are passed over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Column {
    SenderAddress,
    Reason,
    CreatedDatetime,
    ChangedDatetime,
    TemporaryBlock,
}

impl Column {
    pub(super) const ALL: [Self; 5] = [
        Self::SenderAddress,
        Self::Reason,
        Self::CreatedDatetime,
        Self::ChangedDatetime,
        Self::TemporaryBlock,
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name().eq_ignore_ascii_case(name.trim()))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SenderAddress => "SenderAddress",
            Self::Reason => "Reason",
            Self::CreatedDatetime => "CreatedDatetime",
            Self::ChangedDatetime => "ChangedDatetime",
            Self::TemporaryBlock => "TemporaryBlock",
        }
    }

    /// The end of a sentence about a value that is not taken.
    pub(super) fn takes(self) -> &'static str {
        match self {
            Self::SenderAddress => "an address such as alice@example.org is taken",
            Self::Reason => "a text of at most 4 KiB without NUL characters is taken",
            Self::CreatedDatetime | Self::ChangedDatetime => {
                "a date from 1970 on is taken, as 3/12/2019 10:32:45 PM, \
                 2019-03-12T22:32:45Z or /Date(1552429965000)/"
            }
            Self::TemporaryBlock => "True or False is taken",
        }
    }
}

/// The values of one row; a column that is not there is empty.
#[derive(Default)]
pub(super) struct Values([String; Column::ALL.len()]);

impl Values {
    pub(super) fn set(&mut self, column: Column, value: String) {
        self.0[column as usize] = value;
    }

    /// What the row says, or what is wrong with it.
    pub(super) fn blocked_sender(
        &self,
        organization: &Organization,
    ) -> Result<BlockedSender, String> {
        Ok(BlockedSender {
            sender_address: self.sender_address(organization)?,
            reason: self.reason()?,
            created: self.date(Column::CreatedDatetime)?,
            changed: self.date(Column::ChangedDatetime)?,
            temporary: self.temporary()?,
        })
    }

    fn sender_address(&self, organization: &Organization) -> Result<Address, String> {
        let text = self.get(Column::SenderAddress).trim();
        if text.is_empty() {
            return Err(format!("SenderAddress is empty; {}", Column::SenderAddress.takes()));
        }
        organization.typed(text).map_err(|error| {
            format!("SenderAddress is {} ({error}); {}", shown(text), Column::SenderAddress.takes())
        })
    }

    fn reason(&self) -> Result<Option<Reason>, String> {
        let text = self.get(Column::Reason);
        // Postgres keeps no NUL.
        if text.len() > Reason::LONGEST || text.contains('\0') {
            return Err(self.not_taken(Column::Reason));
        }
        Ok(Some(text).filter(|text| !text.trim().is_empty()).map(Reason::parse))
    }

    fn date(&self, column: Column) -> Result<Option<DateTime<Utc>>, String> {
        match self.get(column).trim() {
            "" => Ok(None),
            text => date::read(text).map_err(|date::NoDate| self.not_taken(column)),
        }
    }

    fn temporary(&self) -> Result<bool, String> {
        match self.get(Column::TemporaryBlock).trim().to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" | "" => Ok(false),
            _ => Err(self.not_taken(Column::TemporaryBlock)),
        }
    }

    fn get(&self, column: Column) -> &str {
        &self.0[column as usize]
    }

    fn not_taken(&self, column: Column) -> String {
        format!("{} is {}; {}", column.name(), shown(self.get(column)), column.takes())
    }
}

/// A value in quotes, short enough for a message and without anything that a terminal obeys.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
