//! JSON as `ConvertTo-Json` writes it: a list of objects, or one object alone. Several of them,
//! one after the other, are taken too; a loop that converts each object by itself writes them.

use super::{
    BadRow, Record,
    text::Text,
    values::{Column, Values, shown},
};
use serde_json::{Map, Value};
use std::io::Read;

/// The objects of the file.
pub(super) struct Objects<R> {
    text: Text<R>,
    place: Place,
}

/// What stood before.
#[derive(Clone, Copy)]
enum Place {
    Outside,
    Bracket,
    Comma,
    Object,
}

impl<R: Read> Objects<R> {
    pub(super) fn new(text: Text<R>) -> Self {
        Self { text, place: Place::Outside }
    }

    fn next_object(&mut self) -> Result<Option<Record>, BadRow> {
        if !self.goes_to_an_object()? {
            return Ok(None);
        }
        let mut nesting = Nesting::default();
        let cut = self.text.cut(|byte| nesting.ends_with(byte))?;
        if !cut.is_ended {
            return Err(self.text.give_up(cut.line, "the object that begins here is never closed"));
        }
        if !matches!(self.place, Place::Outside) {
            self.place = Place::Object;
        }
        match values(cut.text()?) {
            Ok(values) => Ok(Some(Record { line: cut.line, values })),
            Err(problem) => Err(BadRow { line: cut.line, problem }),
        }
    }

    /// Goes to the next object's brace; false at the end of the file.
    fn goes_to_an_object(&mut self) -> Result<bool, BadRow> {
        loop {
            let next = self.text.next_but(|byte| byte.is_ascii_whitespace())?;
            self.place = match (self.place, next) {
                (Place::Outside, None) => return Ok(false),
                (Place::Outside | Place::Bracket | Place::Comma, Some(b'{')) => return Ok(true),
                (Place::Outside, Some(b'[')) => Place::Bracket,
                (Place::Object, Some(b',')) => Place::Comma,
                (Place::Bracket | Place::Object, Some(b']')) => Place::Outside,
                (place, next) => return Err(self.broken(place, next)),
            };
            self.text.take();
        }
    }

    fn broken(&mut self, place: Place, next: Option<u8>) -> BadRow {
        let came = match next {
            Some(byte @ b' '..=b'~') => format!("\"{}\"", char::from(byte)),
            Some(byte) => format!("the byte 0x{byte:02x}"),
            None => "the end of the file".into(),
        };
        let taken = match place {
            Place::Object => "a comma or the end of the list",
            _ => "an object",
        };
        let line = self.text.line();
        self.text.give_up(line, format!("the JSON has {came} where {taken} is taken"))
    }
}

impl<R: Read> Iterator for Objects<R> {
    type Item = Result<Record, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.text.has_given_up() {
            return None;
        }
        self.next_object().transpose()
    }
}

/// How deep in braces, and whether in a string.
#[derive(Default)]
struct Nesting {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Nesting {
    /// Whether `byte` closes the first brace.
    fn ends_with(&mut self, byte: u8) -> bool {
        if self.in_string {
            self.in_string = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' => self.depth += 1,
            b'}' => self.depth -= 1,
            _ => {}
        }
        self.depth == 0
    }
}

fn values(text: &str) -> Result<Values, String> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("the object is not JSON (its line {line}, character {column})")
    })?;
    let mut values = Values::default();
    for (name, value) in object {
        if let Some(column) = Column::named(&name)
            && let Some(value) = as_text(column, value)?
        {
            values.set(column, value);
        }
    }
    Ok(values)
}

fn as_text(column: Column, value: Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Bool(yes) if column == Column::TemporaryBlock => Ok(Some(yes.to_string())),
        // Windows PowerShell writes a date that it has touched, and a text likewise, as
        // {"value": …, "DateTime": …}.
        Value::Object(mut object) if object.contains_key("value") => {
            as_text(column, object.remove("value").unwrap_or_default())
        }
        other => {
            Err(format!("{} is {}; {}", column.name(), shown(&other.to_string()), column.takes()))
        }
    }
}
