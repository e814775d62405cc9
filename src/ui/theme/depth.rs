//! How many colours a terminal shows, and the nearest of them to a wanted one.

use ratatui::style::Color;

use super::design::Ink;

/// What the operator asked for with `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// By the environment.
    #[default]
    Auto,
    /// Colours even where the environment says no.
    Always,
    /// None.
    Never,
    /// The sixteen of the terminal's own palette.
    Ansi16,
    /// The 256 of xterm.
    Ansi256,
    /// All.
    TrueColor,
}

/// The colours a terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// None: bold and reverse only.
    None,
    /// Sixteen.
    Ansi16,
    /// 256.
    Ansi256,
    /// All.
    TrueColor,
}

impl Depth {
    /// From the operator's choice and the environment (`NO_COLOR`, `CLICOLOR_FORCE`, `COLORTERM`, `TERM`), read through `variable`.
    #[must_use]
    pub fn detect(choice: ColorChoice, variable: impl Fn(&str) -> Option<String>) -> Depth {
        let get = |name: &str| variable(name).unwrap_or_default();
        let by_terminal = || {
            let (colorterm, term) = (get("COLORTERM"), get("TERM"));
            if matches!(colorterm.as_str(), "truecolor" | "24bit") || term.ends_with("-direct") {
                Depth::TrueColor
            } else if term.contains("256color") {
                Depth::Ansi256
            } else if term.is_empty() || term == "dumb" {
                Depth::None
            } else {
                Depth::Ansi16
            }
        };
        match choice {
            ColorChoice::Never => Depth::None,
            ColorChoice::Ansi16 => Depth::Ansi16,
            ColorChoice::Ansi256 => Depth::Ansi256,
            ColorChoice::TrueColor => Depth::TrueColor,
            ColorChoice::Always => by_terminal().max_with(Depth::Ansi16),
            ColorChoice::Auto if !get("NO_COLOR").is_empty() => Depth::None,
            ColorChoice::Auto if !matches!(get("CLICOLOR_FORCE").as_str(), "" | "0") => {
                by_terminal().max_with(Depth::Ansi16)
            }
            ColorChoice::Auto => by_terminal(),
        }
    }

    fn max_with(self, least: Depth) -> Depth {
        if self == Depth::None { least } else { self }
    }

    /// The nearest colour this terminal shows. Of sixteen the bright one, or the plain one where the background is light.
    pub(super) fn color(self, ink: Ink, bright: bool) -> Color {
        match (self, ink) {
            (Depth::None, _) | (_, Ink::Terminal) => Color::Reset,
            (_, Ink::Ansi(number)) => ANSI[usize::from(number) % ANSI.len()],
            (Depth::Ansi16, Ink::Rgb(rgb)) => ansi16(rgb, bright),
            (Depth::Ansi256, Ink::Rgb(rgb)) => Color::Indexed(ansi256(rgb)),
            (Depth::TrueColor, Ink::Rgb([red, green, blue])) => Color::Rgb(red, green, blue),
        }
    }

    /// The same for a background: of sixteen, what is nearly black or white is that, and a dark colour is a plain one.
    pub(super) fn background(self, ink: Ink) -> Color {
        let (Depth::Ansi16, Ink::Rgb(rgb)) = (self, ink) else { return self.color(ink, true) };
        let (least, most) = (rgb.iter().min().copied().unwrap_or(0), rgb.iter().max().copied().unwrap_or(0));
        match most - least {
            0..0x18 if most < 0x50 => Color::Black,
            0..0x18 if least >= 0xe0 => Color::White,
            _ if most < 0x80 => ansi16(rgb, false),
            _ => ansi16(rgb, true),
        }
    }
}

/// The terminal's own colours, in the order of their numbers.
const ANSI: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

/// By hue, because the nearest of sixteen by distance makes every pastel grey.
fn ansi16([red, green, blue]: [u8; 3], bright: bool) -> Color {
    let (least, most) = (red.min(green).min(blue), red.max(green).max(blue));
    let chroma = i32::from(most - least);
    if chroma < 0x28 {
        return match most {
            0..0x38 => Color::Black,
            0x38..0x90 => Color::DarkGray,
            0x90..0xe0 => Color::Gray,
            _ => Color::White,
        };
    }
    let (red, green, blue) = (i32::from(red), i32::from(green), i32::from(blue));
    let top = i32::from(most);
    let hue = if top == red {
        (60 * (green - blue) / chroma).rem_euclid(360)
    } else if top == green {
        120 + 60 * (blue - red) / chroma
    } else {
        240 + 60 * (red - green) / chroma
    };
    let plain = match hue {
        0..20 | 330.. => 1,
        20..70 if bright => 3,
        70..165 => 2,
        165..210 => 6,
        210..250 => 4,
        // Yellow, too, on a light ground: there it is hardly seen.
        _ => 5,
    };
    ANSI[plain + if bright { 8 } else { 0 }]
}

/// xterm's cube of 6×6×6 (levels 0, 95, 135 … 255) and its 24 greys (8, 18 … 238); the nearer one by squared distance.
fn ansi256([red, green, blue]: [u8; 3]) -> u8 {
    const LEVELS: [i32; 6] = [0, 95, 135, 175, 215, 255];
    let nearest = |value: u8| (0..6u8).min_by_key(|at| (LEVELS[*at as usize] - i32::from(value)).abs()).unwrap_or(0);
    let distance = |r: i32, g: i32, b: i32| {
        (r - i32::from(red)).pow(2) + (g - i32::from(green)).pow(2) + (b - i32::from(blue)).pow(2)
    };
    let (r, g, b) = (nearest(red), nearest(green), nearest(blue));
    let cube = distance(LEVELS[r as usize], LEVELS[g as usize], LEVELS[b as usize]);
    let mean = (i32::from(red) + i32::from(green) + i32::from(blue)) / 3;
    let step = ((mean - 8).max(0) + 5).min(235) / 10;
    let grey = 8 + 10 * step.min(23);
    if distance(grey, grey, grey) < cube { 232 + step.min(23) as u8 } else { 16 + 36 * r + 6 * g + b }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(choice: ColorChoice, variables: &[(&str, &str)]) -> Depth {
        Depth::detect(choice, |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_decides_unless_the_operator_does() {
        let auto = ColorChoice::Auto;
        assert_eq!(depth(auto, &[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), Depth::TrueColor);
        assert_eq!(depth(auto, &[("TERM", "xterm-256color")]), Depth::Ansi256);
        assert_eq!(depth(auto, &[("TERM", "linux")]), Depth::Ansi16);
        assert_eq!(depth(auto, &[("TERM", "dumb")]), Depth::None);
        assert_eq!(depth(auto, &[("TERM", "xterm-256color"), ("NO_COLOR", "1")]), Depth::None);
        assert_eq!(depth(auto, &[("TERM", "xterm-256color"), ("NO_COLOR", "")]), Depth::Ansi256, "empty says nothing");
        assert_eq!(depth(ColorChoice::Always, &[("TERM", "dumb"), ("NO_COLOR", "1")]), Depth::Ansi16);
        assert_eq!(depth(ColorChoice::Never, &[("COLORTERM", "truecolor")]), Depth::None);
    }

    #[test]
    fn a_forced_colour_is_one_unless_there_must_be_none() {
        let auto = ColorChoice::Auto;
        assert_eq!(depth(auto, &[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")]), Depth::Ansi16);
        assert_eq!(depth(auto, &[("TERM", "dumb"), ("CLICOLOR_FORCE", "0")]), Depth::None);
        assert_eq!(depth(auto, &[("TERM", "xterm-direct"), ("CLICOLOR_FORCE", "1")]), Depth::TrueColor);
        assert_eq!(depth(auto, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]), Depth::None);
    }

    #[test]
    fn colours_become_their_neighbours() {
        let rgb = |red, green, blue| Ink::Rgb([red, green, blue]);
        assert_eq!(Depth::Ansi256.color(rgb(0, 0, 0), true), Color::Indexed(16));
        assert_eq!(Depth::Ansi256.color(rgb(0xff, 0x00, 0x00), true), Color::Indexed(196));
        assert_eq!(Depth::Ansi256.color(rgb(0x12, 0x12, 0x12), true), Color::Indexed(233));
        assert_eq!(Depth::Ansi16.color(rgb(0x9e, 0xce, 0x6a), true), Color::LightGreen);
        assert_eq!(Depth::Ansi16.color(rgb(0xf7, 0x76, 0x8e), true), Color::LightRed);
        assert_eq!(Depth::Ansi16.color(rgb(0x7a, 0xa2, 0xf7), true), Color::LightBlue);
        assert_eq!(Depth::Ansi16.color(rgb(0x1a, 0x7f, 0x37), false), Color::Green);
        assert_eq!(Depth::Ansi16.background(rgb(0x1a, 0x1d, 0x26)), Color::Black);
        assert_eq!(Depth::Ansi16.background(rgb(0xe9, 0xed, 0xf2)), Color::White);
        assert_eq!(Depth::Ansi16.background(rgb(0x28, 0x34, 0x57)), Color::Blue);
        for depth in [Depth::Ansi16, Depth::Ansi256, Depth::TrueColor] {
            assert_eq!(depth.color(Ink::Ansi(9), true), Color::LightRed);
            assert_eq!(depth.color(Ink::Terminal, true), Color::Reset);
        }
        assert_eq!(Depth::None.color(Ink::Ansi(9), true), Color::Reset);
    }
}
