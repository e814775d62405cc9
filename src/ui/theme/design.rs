//! A theme file: text enters; a design whose every role, colour and parent is known leaves, or a refusal with file, line and remedy.

use std::collections::BTreeMap;
use std::path::Path;

use ratatui::style::Modifier;

use super::Role;
use crate::config::{ConfigError, Document, Table, Value, remedy};

/// A colour before it meets a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Red, green, blue.
    Rgb([u8; 3]),
    /// One of the terminal's own sixteen: 0 to 7, and 8 to 15 for the bright ones.
    Ansi(u8),
    /// Whatever the terminal writes or paints with by itself.
    Terminal,
}

/// The terminal's own colours by name, in the order of their numbers.
const ANSI: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright-black",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];

/// The colour that is none.
const TERMINAL: &str = "default";

impl Ink {
    /// `#rrggbb`, one of [`ANSI`], or [`TERMINAL`].
    fn parse(text: &str) -> Option<Ink> {
        if text == TERMINAL {
            return Some(Ink::Terminal);
        }
        if let Some(number) = ANSI.iter().position(|name| *name == text) {
            return Some(Ink::Ansi(number as u8));
        }
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        Some(Ink::Rgb([byte(0)?, byte(2)?, byte(4)?]))
    }
}

/// What a theme was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// A dark background.
    Dark,
    /// A light one.
    Light,
}

/// One role's style; colours by name, so that whoever inherits it can give the names other colours.
#[derive(Clone, Debug, Default)]
struct Named {
    fg: Option<String>,
    bg: Option<String>,
    modifiers: Modifier,
}

/// One role's style.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) fg: Option<Ink>,
    pub(super) bg: Option<Ink>,
    pub(super) modifiers: Modifier,
}

/// A theme before it meets a terminal.
#[derive(Clone, Debug)]
pub(super) struct Design {
    pub(super) name: String,
    pub(super) variant: Variant,
    palette: BTreeMap<String, Ink>,
    looks: [Named; Role::ALL.len()],
    series: Vec<String>,
    ramp: Vec<String>,
}

impl Design {
    /// Reads a theme file; `parent` finds what it inherits.
    pub(super) fn read(
        path: &Path,
        text: &str,
        parent: &dyn Fn(&str) -> Result<Option<Design>, ConfigError>,
    ) -> Result<Design, ConfigError> {
        let document = Document::new(path, text);
        let parsed = document.parse()?;
        let root = document.root(&parsed);
        let about = root.need("theme", "a table [theme] with name = \"…\" and variant = \"dark\"")?.table("[theme]")?;
        let name = about.need("name", "name = \"mine\"")?.text("a name in quotes")?.to_owned();
        let inherits = about.get("inherits");
        let base = match &inherits {
            None => None,
            Some(value) => {
                let wanted = value.text("a theme's name")?;
                let unknown = || {
                    let known = super::EMBEDDED.map(|(name, _)| name);
                    value.refuse(format!("unknown theme '{}': {}", crate::label::clean(wanted), remedy(wanted, &known)))
                };
                Some(parent(wanted)?.ok_or_else(unknown)?)
            }
        };
        let variant = match (about.get("variant"), &base) {
            (Some(value), _) => match value.text("\"dark\" or \"light\"")? {
                "dark" => Variant::Dark,
                "light" => Variant::Light,
                other => {
                    let other = crate::label::clean(other);
                    return Err(value.refuse(format!("unknown variant '{other}': use dark or light")));
                }
            },
            (None, Some(base)) => base.variant,
            (None, None) => return Err(about.refuse("[theme] without 'variant': write variant = \"dark\"")),
        };
        about.finish()?;
        let whole = base.is_some();
        let mut design = match base {
            Some(base) => Design { name, variant, ..base },
            None => Design {
                name,
                variant,
                palette: BTreeMap::new(),
                looks: std::array::from_fn(|_| Named::default()),
                series: Vec::new(),
                ramp: Vec::new(),
            },
        };
        if let Some(palette) = root.get("palette") {
            for value in palette.table("[palette]")?.each() {
                let text = value.text("\"#rrggbb\"")?;
                let ink = Ink::parse(text).ok_or_else(|| unknown_color(&value, text, &BTreeMap::new()))?;
                design.palette.insert(value.key.clone(), ink);
            }
        }
        match root.get("roles") {
            Some(roles) => design.read_roles(&roles.table("[roles]")?, whole)?,
            None if whole => {}
            None => return Err(about.refuse("no [roles]: write them, or inherits = \"midnight\" under [theme]")),
        }
        root.finish()?;
        Ok(design)
    }

    fn read_roles(&mut self, roles: &Table<'_, '_>, inherits: bool) -> Result<(), ConfigError> {
        let mut missing = None;
        for (name, role) in Role::ALL {
            match roles.get(name) {
                Some(value) => self.looks[role as usize] = self.read_look(&value)?,
                None => missing = missing.or(Some(name)),
            }
        }
        for name in ["series", "ramp"] {
            let Some(value) = roles.get(name) else {
                missing = missing.or(Some(name));
                continue;
            };
            let mut colors = Vec::new();
            for item in value.list("a list of colours")? {
                colors.push(self.read_color(&item)?);
            }
            if colors.len() < 2 {
                return Err(value.refuse(format!("'{name}' has less than two colours: write at least two")));
            }
            if name == "series" { self.series = colors } else { self.ramp = colors }
        }
        // A misspelt role is missing too; what was written is the better hint.
        roles.finish()?;
        match missing.filter(|_| !inherits) {
            Some(role) => Err(roles.refuse(format!(
                "role '{role}' is missing: write {role} = {}, or inherits = \"midnight\" under [theme]",
                if matches!(role, "series" | "ramp") { "[\"blue\", \"red\"]" } else { "{ fg = \"white\" }" }
            ))),
            None => Ok(()),
        }
    }

    fn read_look(&self, value: &Value<'_, '_>) -> Result<Named, ConfigError> {
        const MODIFIERS: [(&str, Modifier); 5] = [
            ("bold", Modifier::BOLD),
            ("dim", Modifier::DIM),
            ("italic", Modifier::ITALIC),
            ("underline", Modifier::UNDERLINED),
            ("reversed", Modifier::REVERSED),
        ];
        let table = value.table("{ fg = \"#c8ccd4\", bg = \"black\", bold = true }")?;
        let mut look = Named::default();
        for (key, slot) in [("fg", &mut look.fg), ("bg", &mut look.bg)] {
            if let Some(color) = table.get(key) {
                *slot = Some(self.read_color(&color)?);
            }
        }
        for (key, modifier) in MODIFIERS {
            if let Some(wanted) = table.get(key) {
                look.modifiers.set(modifier, wanted.truth()?);
            }
        }
        table.finish()?;
        Ok(look)
    }

    fn read_color(&self, value: &Value<'_, '_>) -> Result<String, ConfigError> {
        let text = value.text("a colour such as \"#c8ccd4\"")?;
        match self.ink(text) {
            Some(_) => Ok(text.to_owned()),
            None => Err(unknown_color(value, text, &self.palette)),
        }
    }

    fn ink(&self, name: &str) -> Option<Ink> {
        self.palette.get(name).copied().or_else(|| Ink::parse(name))
    }

    fn known(&self, name: &str) -> Ink {
        self.ink(name).expect("colours are looked up when they are read, and no name is ever taken back")
    }

    pub(super) fn look(&self, role: Role) -> Look {
        let named = &self.looks[role as usize];
        let ink = |name: &Option<String>| name.as_ref().map(|name| self.known(name));
        Look { fg: ink(&named.fg), bg: ink(&named.bg), modifiers: named.modifiers }
    }

    pub(super) fn series(&self) -> Vec<Ink> {
        self.series.iter().map(|name| self.known(name)).collect()
    }

    pub(super) fn ramp(&self) -> Vec<Ink> {
        self.ramp.iter().map(|name| self.known(name)).collect()
    }
}

fn unknown_color(value: &Value<'_, '_>, text: &str, palette: &BTreeMap<String, Ink>) -> ConfigError {
    let mut known: Vec<&str> = palette.keys().map(String::as_str).collect();
    known.extend(ANSI);
    known.push(TERMINAL);
    let near = remedy(text, &known);
    let near = if near.starts_with("did") {
        near
    } else {
        format!("use #rrggbb, a name from [palette], one of the terminal's own such as 'bright-red', or '{TERMINAL}'")
    };
    value.refuse(format!("unknown colour '{}': {near}", crate::label::clean(text)))
}
