//! A TOML document with its lines: text enters, tables that know which keys were asked for leave. It knows no key itself.

use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Origin, remedy};
use super::number::{NumberError, scaled};

/// One file: its name for errors, its text for line numbers.
pub(crate) struct Document<'t> {
    path: PathBuf,
    text: &'t str,
}

/// A table of the document. Remembers every key that was asked for; [`Table::finish`] refuses the others.
pub(crate) struct Table<'d, 't> {
    document: &'d Document<'t>,
    /// As errors name it: `[alarm]`; empty at the top.
    name: String,
    start: usize,
    entries: &'d DeTable<'t>,
    asked: RefCell<Vec<&'static str>>,
}

/// A value of the document.
pub(crate) struct Value<'d, 't> {
    document: &'d Document<'t>,
    /// The key it stands under.
    pub(crate) key: String,
    span: Range<usize>,
    content: &'d DeValue<'t>,
}

impl<'t> Document<'t> {
    pub(crate) fn new(path: &Path, text: &'t str) -> Document<'t> {
        Document { path: path.to_owned(), text }
    }

    /// Reads the grammar; says where it breaks.
    pub(crate) fn parse(&self) -> Result<Spanned<DeTable<'t>>, ConfigError> {
        DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.refuse(at, format!("not TOML: {}", error.message().replace('\n', ", ")))
        })
    }

    pub(crate) fn root<'d>(&'d self, parsed: &'d Spanned<DeTable<'t>>) -> Table<'d, 't> {
        Table { document: self, name: String::new(), start: 0, entries: parsed.get_ref(), asked: RefCell::default() }
    }

    pub(crate) fn origin(&self, at: usize) -> Origin {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        Origin::File(self.path.clone(), 1 + memchr::memchr_iter(b'\n', before).count())
    }

    fn refuse(&self, at: usize, what: impl Into<String>) -> ConfigError {
        ConfigError::new(self.origin(at), what)
    }
}

impl<'d, 't> Table<'d, 't> {
    pub(crate) fn origin(&self) -> Origin {
        self.document.origin(self.start)
    }

    /// An error about the table as a whole.
    pub(crate) fn refuse(&self, what: impl Into<String>) -> ConfigError {
        self.document.refuse(self.start, what)
    }

    /// The value of a known key.
    pub(crate) fn get(&self, key: &'static str) -> Option<Value<'d, 't>> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
        let value = self.entries.get(key)?;
        Some(self.value(key, value))
    }

    /// The value of a key that must be there; `example` shows how it is written.
    pub(crate) fn need(&self, key: &'static str, example: &str) -> Result<Value<'d, 't>, ConfigError> {
        self.get(key).ok_or_else(|| self.refuse(format!("{} without '{key}': write {example}", self.name)))
    }

    /// All entries, where the keys are names of the operator's own.
    pub(crate) fn each(&self) -> Vec<Value<'d, 't>> {
        let mut values: Vec<_> = self.entries.iter().map(|(key, value)| self.value(key.get_ref(), value)).collect();
        values.sort_by_key(|value| value.span.start);
        values
    }

    /// Refuses keys that nobody asked for, the first one in the file.
    pub(crate) fn finish(&self) -> Result<(), ConfigError> {
        let asked = self.asked.borrow();
        let unknown = self
            .entries
            .iter()
            .filter(|(key, _)| !asked.contains(&key.get_ref().as_ref()))
            .min_by_key(|(key, _)| key.span().start);
        let Some((key, _)) = unknown else { return Ok(()) };
        let place = if self.name.is_empty() { String::new() } else { format!(" in {}", self.name) };
        let name = crate::label::clean(key.get_ref());
        Err(self.document.refuse(key.span().start, format!("unknown key '{name}'{place}: {}", remedy(&name, &asked))))
    }

    fn value(&self, key: &str, value: &'d Spanned<DeValue<'t>>) -> Value<'d, 't> {
        Value { document: self.document, key: key.to_owned(), span: value.span(), content: value.get_ref() }
    }
}

impl<'d, 't> Value<'d, 't> {
    pub(crate) fn origin(&self) -> Origin {
        self.document.origin(self.span.start)
    }

    pub(crate) fn refuse(&self, what: impl Into<String>) -> ConfigError {
        self.document.refuse(self.span.start, what)
    }

    fn wrong(&self, wanted: &str) -> ConfigError {
        self.refuse(format!("'{}' is {}: write {wanted}", self.key, kind(self.content)))
    }

    /// Text; `example` shows how it is written.
    pub(crate) fn text(&self, example: &str) -> Result<&'d str, ConfigError> {
        let text = self.content.as_str().ok_or_else(|| self.wrong(example))?;
        if text.is_empty() {
            return Err(self.refuse(format!("'{}' is empty: write {example}", self.key)));
        }
        Ok(text)
    }

    /// A text, a number or a truth as the text it is; `None` for anything else.
    pub(crate) fn plain(&self) -> Option<String> {
        match self.content {
            DeValue::String(text) => Some(text.clone().into_owned()),
            DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
            DeValue::Float(number) => Some(number.as_str().to_owned()),
            DeValue::Boolean(truth) => Some(truth.to_string()),
            _ => None,
        }
    }

    pub(crate) fn is_list(&self) -> bool {
        self.content.as_array().is_some()
    }

    pub(crate) fn truth(&self) -> Result<bool, ConfigError> {
        self.content.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    /// A table; `name` is how errors call it.
    pub(crate) fn table(&self, name: &str) -> Result<Table<'d, 't>, ConfigError> {
        let entries = self.content.as_table().ok_or_else(|| self.wrong(&format!("it as a table, {name}")))?;
        Ok(Table {
            document: self.document,
            name: name.to_owned(),
            start: self.span.start,
            entries,
            asked: RefCell::default(),
        })
    }

    pub(crate) fn is_table(&self) -> bool {
        self.content.as_table().is_some()
    }

    /// One table, `[name]`, or an array of them, `[[name]]`; `name` with its brackets.
    pub(crate) fn one_or_more(&self, name: &str) -> Result<Vec<Table<'d, 't>>, ConfigError> {
        match self.content {
            DeValue::Array(_) => self.list(name)?.into_iter().map(|item| item.table(&format!("[{name}]"))).collect(),
            _ => Ok(vec![self.table(name)?]),
        }
    }

    /// An array of tables, `[[name]]`.
    pub(crate) fn tables(&self, name: &str) -> Result<Vec<Table<'d, 't>>, ConfigError> {
        self.list(&format!("each under a line [[{name}]]"))?
            .into_iter()
            .map(|item| item.table(&format!("[[{name}]]")))
            .collect()
    }

    /// The texts of a list; `None` if it is no list.
    pub(crate) fn texts(&self) -> Option<Result<Vec<&'d str>, ConfigError>> {
        self.content.as_array()?;
        Some(self.list("").and_then(|items| items.iter().map(|item| item.text("texts in quotes")).collect()))
    }

    pub(crate) fn list(&self, example: &str) -> Result<Vec<Value<'d, 't>>, ConfigError> {
        let items = self.content.as_array().ok_or_else(|| self.wrong(example))?;
        Ok(items
            .iter()
            .map(|item| Value {
                document: self.document,
                key: self.key.clone(),
                span: item.span(),
                content: item.get_ref(),
            })
            .collect())
    }

    /// A number times 10^`places`, from its text in the file: exact. Also as a string.
    pub(crate) fn scaled(&self, places: i32) -> Result<u64, ConfigError> {
        let text = match self.content {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            DeValue::String(text) => text,
            _ => return Err(self.wrong("a decimal number such as 0.25")),
        };
        let text = text.trim();
        scaled(text, places).map_err(|error| {
            let (key, text) = (&self.key, crate::label::clean(text));
            self.refuse(match error {
                NumberError::Syntax => {
                    format!("'{key}' is '{text}', no decimal number: write digits and a point, such as 0.25")
                }
                NumberError::Negative => format!("'{key}' is {text}: write a number that is not below zero"),
                NumberError::TooFine => format!("'{key}' is {text}: at most {places} decimal places are kept"),
                NumberError::TooLarge => {
                    format!("'{key}' is {text}: write at most {}", u64::MAX / 10u64.pow(places.unsigned_abs()))
                }
            })
        })
    }

    /// A date or time as written, with or without quotes.
    pub(crate) fn moment(&self) -> Result<String, ConfigError> {
        match self.content {
            DeValue::Datetime(moment) => Ok(moment.to_string()),
            DeValue::String(text) => Ok(text.clone().into_owned()),
            _ => Err(self.wrong("a date such as 2026-01-01")),
        }
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
