//! What the doctor says.

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Ok,
    Note,
    /// It works, but not as well as it could.
    Warning,
    Problem,
}

impl Level {
    /// The level in one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub level: Level,
    pub says: String,
    /// The line to write, where one helps.
    pub write: Option<String>,
}

impl Finding {
    fn new(level: Level, says: impl AsRef<str>) -> Self {
        Self { level, says: printable(says.as_ref()), write: None }
    }

    /// As it should be.
    pub fn ok(says: impl AsRef<str>) -> Self {
        Self::new(Level::Ok, says)
    }

    /// Worth knowing.
    pub fn note(says: impl AsRef<str>) -> Self {
        Self::new(Level::Note, says)
    }

    /// It works, but not as well as it could.
    pub fn warning(says: impl AsRef<str>) -> Self {
        Self::new(Level::Warning, says)
    }

    /// It does not work.
    pub fn problem(says: impl AsRef<str>) -> Self {
        Self::new(Level::Problem, says)
    }

    /// Said about services of these names.
    pub fn about(self, names: &str) -> Self {
        Self { says: printable(&format!("{names}: {}", self.says)), ..self }
    }

    /// With the line to write.
    pub fn write(self, line: impl AsRef<str>) -> Self {
        Self { write: Some(printable(line.as_ref())), ..self }
    }
}

/// Names and values come from files; on a terminal none of them may do more than be read.
fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}
