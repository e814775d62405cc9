//! What colours mean. A design enters, a style for each role leaves, already in the colours and signs this terminal can show.

mod depth;
mod design;
mod themes;

use ratatui::style::{Color, Modifier, Style};

use super::graph::Graph;
use crate::config::ConfigError;
use design::{Design, Ink};

pub use depth::{ColorChoice, Depth};
pub use design::Variant;
pub use themes::{EMBEDDED, ThemeRefusal, Themes, names};

/// A meaning that has a style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Role {
    /// Every cell, below all else.
    Screen,
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

impl Role {
    /// Every role with its name in theme files.
    pub const ALL: [(&str, Role); 13] = [
        ("screen", Role::Screen),
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
}

/// Styles by role, in what one terminal can show.
#[derive(Clone, Debug)]
pub struct Theme {
    /// Its name.
    pub name: String,
    /// The colours it was made for.
    pub depth: Depth,
    /// The signs it draws with.
    pub graph: Graph,
    bright: bool,
    styles: [Style; Role::ALL.len()],
    series: Vec<Color>,
    ramp: Vec<Ink>,
}

impl Theme {
    /// The embedded default.
    #[must_use]
    pub fn midnight(depth: Depth) -> Theme {
        let midnight = EMBEDDED.first().map(|(name, _)| *name).unwrap_or_default();
        Theme::embedded(midnight, depth).expect("every embedded theme is read by a test")
    }

    /// An embedded theme.
    #[must_use]
    pub fn embedded(name: &str, depth: Depth) -> Option<Theme> {
        themes::embedded(name).map(|design| Theme::of(&design, depth, Graph::Braille))
    }

    /// Reads a theme file that inherits, if anything, an embedded theme.
    ///
    /// # Errors
    /// Where and what in the file is wrong, and what to write.
    pub fn parse(file: &str, text: &str, depth: Depth) -> Result<Theme, ConfigError> {
        let design = Design::read(std::path::Path::new(file), text, &|name| Ok(themes::embedded(name)))?;
        Ok(Theme::of(&design, depth, Graph::Braille))
    }

    /// The same with other signs.
    #[must_use]
    pub fn with_graph(self, graph: Graph) -> Theme {
        Theme { graph, ..self }
    }

    fn of(design: &Design, depth: Depth, graph: Graph) -> Theme {
        if depth == Depth::None && design.name != themes::PLAIN {
            let plain = themes::embedded(themes::PLAIN).expect("every embedded theme is read by a test");
            return Theme { name: design.name.clone(), ..Theme::of(&plain, depth, graph) };
        }
        let bright = design.variant == Variant::Dark;
        let mut styles = Role::ALL.map(|(_, role)| {
            let look = design.look(role);
            let mut style = Style::new().add_modifier(look.modifiers);
            if depth != Depth::None {
                style.fg = look.fg.map(|ink| depth.color(ink, bright));
                style.bg = look.bg.map(|ink| depth.background(ink));
            }
            style
        });
        let (screen, text) = (styles[Role::Screen as usize], styles[Role::Text as usize]);
        let selected = &mut styles[Role::Selected as usize];
        let few = depth == Depth::Ansi16 && !bright;
        if selected.bg.is_some() && (selected.bg == screen.bg || few) {
            // With few colours two greys become one, and on white a pastel a strong colour: the row is reversed, as it is without any.
            *selected = text.bg(screen.bg.unwrap_or_default()).reversed();
        }
        Theme {
            name: design.name.clone(),
            depth,
            graph,
            bright,
            styles,
            series: design.series().into_iter().map(|ink| depth.color(ink, bright)).collect(),
            ramp: design.ramp(),
        }
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

    /// The colour at `part` (0 to 1) of the way from calm to hot. Between two of the terminal's own colours there is nothing: the nearer.
    #[must_use]
    pub fn ramp(&self, part: f64) -> Style {
        if self.depth == Depth::None {
            return Style::new();
        }
        let place = part.clamp(0.0, 1.0) * (self.ramp.len() - 1) as f64;
        let low = (place as usize).min(self.ramp.len() - 2);
        let between = place - low as f64;
        let ink = match (self.ramp[low], self.ramp[low + 1]) {
            (Ink::Rgb(from), Ink::Rgb(to)) => {
                let mix = |at: usize| {
                    (f64::from(from[at]) + (f64::from(to[at]) - f64::from(from[at])) * between).round() as u8
                };
                Ink::Rgb([mix(0), mix(1), mix(2)])
            }
            (from, to) => {
                if between < 0.5 {
                    from
                } else {
                    to
                }
            }
        };
        Style::new().fg(self.depth.color(ink, self.bright))
    }
}

#[cfg(test)]
mod tests;
