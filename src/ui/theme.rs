//! What colours mean. A theme file enters, a style for each role leaves, already in the colours this terminal can show.

mod depth;

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

pub use depth::{ColorChoice, Depth};

/// The default theme.
pub const MIDNIGHT: &str = include_str!("../../themes/midnight.toml");

/// A meaning that has a style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Role {
    /// Figures and names.
    Text,
    /// Labels.
    Dim,
    /// Tracks and grid.
    Faint,
    /// Panels.
    Border,
    /// The panel with the keyboard.
    Focus,
    /// Titles of panels.
    Title,
    /// Keys, the sorted column, the current window.
    Accent,
    /// Well.
    Good,
    /// Worth a look.
    Warn,
    /// Fires.
    Alarm,
    /// Background of the selected row.
    Selected,
    /// Background of the header.
    Header,
}

const ROLES: [(&str, Role); 12] = [
    ("text", Role::Text),
    ("dim", Role::Dim),
    ("faint", Role::Faint),
    ("border", Role::Border),
    ("focus", Role::Focus),
    ("title", Role::Title),
    ("accent", Role::Accent),
    ("good", Role::Good),
    ("warn", Role::Warn),
    ("alarm", Role::Alarm),
    ("selected", Role::Selected),
    ("header", Role::Header),
];

/// Why a theme is refused.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    /// Not the grammar of a theme.
    #[error("theme: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A role that does not exist.
    #[error("theme '{theme}': unknown role '{role}': did you mean '{nearest}'?")]
    UnknownRole {
        /// The theme's name.
        theme: String,
        /// As written.
        role: String,
        /// The nearest that exists.
        nearest: &'static str,
    },
    /// A role has the wrong shape.
    #[error("theme '{theme}': role '{role}': {reason}")]
    Role {
        /// The theme's name.
        theme: String,
        /// As written.
        role: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// A role that is needed is not there.
    #[error("theme '{theme}': role '{role}' is missing")]
    MissingRole {
        /// The theme's name.
        theme: String,
        /// The role.
        role: &'static str,
    },
    /// Neither in the palette nor `#rrggbb`.
    #[error("theme '{theme}': unknown colour '{color}': use a name from [palette] or #rrggbb")]
    UnknownColor {
        /// The theme's name.
        theme: String,
        /// As written.
        color: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    theme: Head,
    #[serde(default)]
    palette: BTreeMap<String, String>,
    roles: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    name: String,
    #[serde(rename = "variant")]
    _variant: Variant,
}

/// For which background a theme is made.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Variant {
    Dark,
    Light,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Look {
    fg: Option<String>,
    bg: Option<String>,
    #[serde(default)]
    bold: bool,
}

/// Styles by role, in the colours of one terminal.
#[derive(Clone, Debug)]
pub struct Theme {
    /// Its name.
    pub name: String,
    /// The colours it was made for.
    pub depth: Depth,
    styles: [Style; ROLES.len()],
    series: Vec<Color>,
    ramp: Vec<(u8, u8, u8)>,
}

impl Theme {
    /// The embedded default.
    #[must_use]
    pub fn midnight(depth: Depth) -> Theme {
        Theme::parse(MIDNIGHT, depth).expect("the embedded theme is read by a test")
    }

    /// Reads a theme file for a terminal of this depth.
    ///
    /// # Errors
    /// See [`ThemeError`].
    pub fn parse(text: &str, depth: Depth) -> Result<Theme, ThemeError> {
        let file: File = toml::from_str(text)?;
        let name = file.theme.name.clone();
        let mut theme = Theme {
            name: name.clone(),
            depth,
            styles: [Style::new(); ROLES.len()],
            series: Vec::new(),
            ramp: Vec::new(),
        };
        for (role, value) in &file.roles {
            let refuse = |reason: String| ThemeError::Role { theme: name.clone(), role: role.clone(), reason };
            match role.as_str() {
                "series" | "ramp" => {
                    let names: Vec<String> =
                        value.clone().try_into().map_err(|_| refuse("use a list of colours".to_owned()))?;
                    let colors = names.iter().map(|color| file.color(color)).collect::<Result<Vec<_>, _>>()?;
                    if colors.len() < 2 {
                        return Err(refuse("use at least two colours".to_owned()));
                    }
                    if role == "ramp" {
                        theme.ramp = colors;
                    } else {
                        theme.series = colors.into_iter().map(|rgb| depth.color(rgb)).collect();
                    }
                }
                _ => {
                    let Some((_, known)) = ROLES.iter().find(|(known, _)| known == role) else {
                        return Err(ThemeError::UnknownRole {
                            theme: name,
                            role: role.clone(),
                            nearest: nearest(role),
                        });
                    };
                    let look: Look = value
                        .clone()
                        .try_into()
                        .map_err(|_| refuse("use { fg = COLOUR, bg = COLOUR, bold = true }".to_owned()))?;
                    let mut style = Style::new();
                    style.fg = look.fg.map(|color| file.color(&color)).transpose()?.map(|rgb| depth.color(rgb));
                    style.bg = look.bg.map(|color| file.color(&color)).transpose()?.map(|rgb| depth.background(rgb));
                    theme.styles[*known as usize] = if look.bold { style.bold() } else { style };
                }
            }
        }
        let missing =
            ROLES.iter().map(|(role, _)| *role).chain(["series", "ramp"]).find(|role| !file.roles.contains_key(*role));
        if let Some(role) = missing {
            return Err(ThemeError::MissingRole { theme: name, role });
        }
        if depth == Depth::None {
            theme.strip();
        }
        Ok(theme)
    }

    /// Without colour, what matters is reversed or bold; the words and glyphs beside it say the rest.
    fn strip(&mut self) {
        self.styles = [Style::new(); ROLES.len()];
        for role in [Role::Alarm, Role::Focus, Role::Title] {
            self.styles[role as usize] = Style::new().bold();
        }
        self.styles[Role::Accent as usize] = Style::new().bold();
        self.styles[Role::Selected as usize] = Style::new().reversed();
        self.series = vec![Color::Reset];
    }

    /// The style of a role.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// The style of a figure that counts: text in bold.
    #[must_use]
    pub fn figure(&self) -> Style {
        self.style(Role::Text).add_modifier(Modifier::BOLD)
    }

    /// The style of a series; past the last colour they begin again.
    #[must_use]
    pub fn series(&self, place: usize) -> Style {
        Style::new().fg(self.series[place % self.series.len()])
    }

    /// The colour at `part` (0 to 1) of the way from calm to hot.
    #[must_use]
    pub fn ramp(&self, part: f64) -> Style {
        if self.depth == Depth::None {
            return Style::new();
        }
        let place = part.clamp(0.0, 1.0) * (self.ramp.len() - 1) as f64;
        let low = (place as usize).min(self.ramp.len() - 2);
        let between = place - low as f64;
        let mix = |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * between).round() as u8;
        let (from, to) = (self.ramp[low], self.ramp[low + 1]);
        Style::new().fg(self.depth.color((mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))))
    }
}

impl File {
    fn color(&self, name: &str) -> Result<(u8, u8, u8), ThemeError> {
        let text = self.palette.get(name).map_or(name, String::as_str);
        parse_hex(text)
            .ok_or_else(|| ThemeError::UnknownColor { theme: self.theme.name.clone(), color: name.to_owned() })
    }
}

fn parse_hex(text: &str) -> Option<(u8, u8, u8)> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some((byte(0)?, byte(2)?, byte(4)?))
}

fn nearest(role: &str) -> &'static str {
    ROLES
        .iter()
        .map(|(name, _)| *name)
        .chain(["series", "ramp"])
        .min_by_key(|name| strsim::damerau_levenshtein(name, role))
        .unwrap_or("text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_theme_is_whole_at_every_depth() {
        for depth in [Depth::TrueColor, Depth::Ansi256, Depth::Ansi16, Depth::None] {
            assert_eq!(Theme::parse(MIDNIGHT, depth).unwrap().name, "midnight");
        }
        let theme = Theme::midnight(Depth::TrueColor);
        assert_eq!(theme.style(Role::Accent).fg, Some(Color::Rgb(0x7d, 0xcf, 0xff)));
        assert_eq!(theme.series(8), theme.series(0));
        assert_eq!(theme.ramp(0.0).fg, Some(Color::Rgb(0x9e, 0xce, 0x6a)));
        assert_eq!(theme.ramp(9.0).fg, Some(Color::Rgb(0xff, 0x9e, 0x64)));
    }

    #[test]
    fn mistakes_are_named_with_the_remedy() {
        let refused = |from: &str, to: &str| {
            assert!(MIDNIGHT.contains(from), "{from}");
            Theme::parse(&MIDNIGHT.replacen(from, to, 1), Depth::TrueColor).unwrap_err().to_string()
        };
        assert_eq!(refused("accent =", "acent ="), "theme 'midnight': unknown role 'acent': did you mean 'accent'?");
        assert_eq!(
            refused("\"lavender\" }", "\"lavendel\" }"),
            "theme 'midnight': unknown colour 'lavendel': use a name from [palette] or #rrggbb"
        );
        assert_eq!(refused("title = { fg = \"lavender\" }", ""), "theme 'midnight': role 'title' is missing");
        assert_eq!(
            refused("{ fg = \"slate\" }", "\"slate\""),
            "theme 'midnight': role 'dim': use { fg = COLOUR, bg = COLOUR, bold = true }"
        );
        assert!(refused("variant = \"dark\"", "variant = \"dusk\"").contains("unknown variant `dusk`"));
    }

    #[test]
    fn without_colour_no_style_has_one() {
        let theme = Theme::midnight(Depth::None);
        for (name, role) in ROLES {
            let style = theme.style(role);
            assert!(style.fg.is_none() && style.bg.is_none(), "{name}");
        }
        assert_eq!(theme.series(3).fg, Some(Color::Reset));
        assert_eq!(theme.ramp(1.0), Style::new());
        assert_eq!(theme.style(Role::Selected), Style::new().reversed());
    }
}
