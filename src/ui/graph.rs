//! With which signs the screen is drawn. What a terminal's font and locale can show enters, signs it can show leave.
//!
//! Everything is drawn with the signs of [`Graph::Braille`]; the canvas translates each one on its way into a cell. Only the burn chart,
//! bars and trends, whose steps differ, ask which signs there are.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::config::GraphChoice;

/// The signs there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Graph {
    /// Braille dots, fine lines, round corners.
    Braille,
    /// Blocks of eighths and square corners, for fonts without braille.
    Block,
    /// Nothing beyond `~`, for terminals that are not UTF-8.
    Ascii,
}

impl Graph {
    /// From the operator's choice and the environment, read through `variable`: ASCII where the locale is not UTF-8 (POSIX: the first
    /// of `LC_ALL`, `LC_CTYPE` and `LANG` that is not empty; none is the C locale), blocks on the Linux console, else braille.
    #[must_use]
    pub fn detect(choice: GraphChoice, variable: impl Fn(&str) -> Option<String>) -> Graph {
        match choice {
            GraphChoice::Braille => Graph::Braille,
            GraphChoice::Block => Graph::Block,
            GraphChoice::Ascii => Graph::Ascii,
            GraphChoice::Auto => {
                let locale =
                    ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(&variable).find(|text| !text.is_empty());
                let locale = locale.unwrap_or_default().to_ascii_lowercase();
                if !locale.contains("utf-8") && !locale.contains("utf8") {
                    Graph::Ascii
                } else if variable("TERM").as_deref() == Some("linux") {
                    Graph::Block
                } else {
                    Graph::Braille
                }
            }
        }
    }

    /// A text in these signs, as wide as it was.
    #[must_use]
    pub fn text(self, text: &str) -> Cow<'_, str> {
        match self {
            Graph::Braille => Cow::Borrowed(text),
            _ if text.is_ascii() => Cow::Borrowed(text),
            Graph::Block => Cow::Owned(text.chars().map(block).collect()),
            Graph::Ascii => {
                let mut out = String::with_capacity(text.len());
                for grapheme in text.graphemes(true) {
                    let mut chars = grapheme.chars();
                    match (chars.next(), chars.next()) {
                        (Some(only), None) if only.width() == Some(1) => out.push(ascii(only)),
                        _ => out.extend(std::iter::repeat_n('?', grapheme.width())),
                    }
                }
                Cow::Owned(out)
            }
        }
    }

    /// One sign.
    #[must_use]
    pub fn sign(self, sign: char) -> char {
        match self {
            Graph::Braille => sign,
            Graph::Block => block(sign),
            Graph::Ascii => ascii(sign),
        }
    }
}

fn block(sign: char) -> char {
    match sign {
        '╭' => '┌',
        '╮' => '┐',
        '╰' => '└',
        '╯' => '┘',
        '┄' => '─',
        '⣿' => '█',
        other => other,
    }
}

/// Every sign the screen uses, and what stands for it; `?` is what may become an alarm (`◇`), and any letter of a name beyond ASCII.
fn ascii(sign: char) -> char {
    match sign {
        ' '..='~' => sign,
        '╭' | '╮' | '╰' | '╯' | '┼' => '+',
        '─' | '┄' | '–' | '—' | '−' => '-',
        '│' | '┤' | '▐' | '▌' | '❚' => '|',
        '▸' | '…' | '→' | '⇥' | '≥' | '›' | '⏎' => '>',
        '←' | '⇤' | '≤' | '‹' | '⌫' => '<',
        '↑' | '▴' => '^',
        '↓' | '▼' => 'v',
        '▲' => '!',
        '◆' | '█' => '#',
        '▓' => '%',
        '▒' | '≈' => '=',
        '●' | '♪' => '*',
        '◌' => 'z',
        '○' => 'o',
        '■' | '×' => 'x',
        '·' | '░' => '.',
        '⣿' => ':',
        'µ' => 'u',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn detect(choice: GraphChoice, variables: &[(&str, &str)]) -> Graph {
        Graph::detect(choice, |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn locale_and_terminal_decide_unless_the_operator_does() {
        let auto = GraphChoice::Auto;
        assert_eq!(detect(auto, &[("LANG", "en_US.UTF-8")]), Graph::Braille);
        assert_eq!(detect(auto, &[("LANG", "C.utf8"), ("TERM", "xterm-256color")]), Graph::Braille);
        assert_eq!(detect(auto, &[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")]), Graph::Ascii);
        assert_eq!(detect(auto, &[("LANG", "de_DE"), ("LC_ALL", ""), ("LC_CTYPE", "C.UTF-8")]), Graph::Braille);
        assert_eq!(detect(auto, &[("LANG", "de_DE.ISO-8859-1")]), Graph::Ascii);
        assert_eq!(detect(auto, &[]), Graph::Ascii);
        assert_eq!(detect(auto, &[("LANG", "C.UTF-8"), ("TERM", "linux")]), Graph::Block);
        assert_eq!(detect(GraphChoice::Braille, &[("LANG", "C"), ("TERM", "linux")]), Graph::Braille);
        assert_eq!(detect(GraphChoice::Ascii, &[("LANG", "C.UTF-8")]), Graph::Ascii);
    }

    #[test]
    fn signs_are_told_apart_without_their_shapes() {
        assert_eq!(Graph::Ascii.text("▲ ◆ ● ◇ ○ ·"), "! # * ? o .");
        assert_eq!(Graph::Ascii.text("josé 日本 👩\u{200d}💻!"), "jos? ???? ??!");
        assert_eq!(Graph::Block.text("╭─▲"), "┌─▲");
        assert_eq!(Graph::Braille.text("╭─▲"), "╭─▲");
    }

    proptest! {
        #[test]
        fn a_translated_text_is_as_wide_as_it_was(text in "\\PC{0,40}") {
            let ascii = Graph::Ascii.text(&text);
            prop_assert!(ascii.chars().all(|c| matches!(c, ' '..='~')), "{ascii}");
            prop_assert_eq!(ascii.width(), text.graphemes(true).map(UnicodeWidthStr::width).sum::<usize>());
        }
    }
}
