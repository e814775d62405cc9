//! The themes there are: embedded ones and the operator's own. A folder enters, the chosen theme leaves, and the next one at a key.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::design::Design;
use super::{Depth, Graph, Theme};
use crate::config::{ConfigError, Origin, any_of, remedy};

/// Every embedded theme by name, in the order of the key that goes through them. The first is the default.
pub const EMBEDDED: [(&str, &str); 7] = [
    ("midnight", include_str!("../../../themes/midnight.toml")),
    (LIGHT, include_str!("../../../themes/daylight.toml")),
    ("nord", include_str!("../../../themes/nord.toml")),
    ("gruvbox", include_str!("../../../themes/gruvbox.toml")),
    ("okabe-ito", include_str!("../../../themes/okabe-ito.toml")),
    ("ansi", include_str!("../../../themes/ansi.toml")),
    (PLAIN, include_str!("../../../themes/mono.toml")),
];
/// What `auto` takes on a light background.
const LIGHT: &str = "daylight";
/// What every theme becomes without colours.
pub(super) const PLAIN: &str = "mono";
/// By the background of the terminal.
const AUTO: &str = "auto";
/// A theme file is short.
const MAX_BYTES: u64 = 64 << 10;

/// Every name that `theme` takes without a file of the operator's own.
#[must_use]
pub fn names() -> Vec<&'static str> {
    [AUTO].into_iter().chain(EMBEDDED.map(|(name, _)| name)).collect()
}

pub(super) fn embedded(name: &str) -> Option<Design> {
    let (_, text) = EMBEDDED.iter().find(|(known, _)| *known == name)?;
    let path = PathBuf::from(format!("themes/{name}.toml"));
    Some(Design::read(&path, text, &|name| Ok(embedded(name))).expect("every embedded theme is read by a test"))
}

/// All themes, and which of them is shown.
#[derive(Clone, Debug)]
pub struct Themes {
    designs: Vec<Design>,
    refused: Vec<(String, ConfigError)>,
    shown: usize,
    depth: Depth,
    graph: Graph,
}

impl Themes {
    /// The embedded themes and those of `folder`, where a file of an embedded one's name takes its place; `wanted` is shown. `auto` looks
    /// at `COLORFGBG`, read through `variable`; where the terminal does not say, it is dark. A folder that is not there holds none.
    ///
    /// # Errors
    /// Why the operator's own file of this name is refused, or which names there are. Other files that are refused are only remembered.
    pub fn load(
        folder: Option<&Path>,
        wanted: &str,
        (depth, graph): (Depth, Graph),
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Themes, ThemeRefusal> {
        let mut themes = Themes { designs: Vec::new(), refused: Vec::new(), shown: 0, depth, graph };
        let own = folder.map(|folder| themes.files(folder)).unwrap_or_default();
        let others = own.keys().map(String::as_str).filter(|name| EMBEDDED.iter().all(|(known, _)| known != name));
        for name in EMBEDDED.iter().map(|(name, _)| *name).chain(others) {
            if themes.refused.iter().any(|(refused, _)| refused == name) {
                continue;
            }
            match read(name, &own, &[]) {
                Ok(design) => themes.designs.extend(design),
                Err(error) => themes.refused.push((name.to_owned(), error)),
            }
        }
        let auto = if variable("COLORFGBG").is_some_and(|colors| is_light(&colors)) { LIGHT } else { EMBEDDED[0].0 };
        let name = if wanted == AUTO { auto } else { wanted };
        if let Some((_, error)) = themes.refused.iter().find(|(refused, _)| refused == name) {
            return Err(ThemeRefusal::File(error.clone()));
        }
        let place = themes.designs.iter().position(|design| design.name == name);
        themes.shown = place.ok_or_else(|| ThemeRefusal::Unknown(themes.unknown(wanted)))?;
        Ok(themes)
    }

    /// The texts in the folder, by name.
    fn files(&mut self, folder: &Path) -> BTreeMap<String, (PathBuf, String)> {
        let mut files = BTreeMap::new();
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return files,
            Err(error) => {
                let what = format!("cannot list the folder of themes ({error}): let this user read it");
                self.refused.push((String::new(), ConfigError::new(Origin::File(folder.to_owned(), 0), what)));
                return files;
            }
        };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let harmless = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
            let refuse = |what: String| ConfigError::new(Origin::File(path.clone(), 0), what);
            if name == AUTO || name.is_empty() || !name.chars().all(harmless) {
                let what = "a theme cannot have this name: use a-z, digits, '-' and '_', and not 'auto'".to_owned();
                self.refused.push((name, refuse(what)));
                continue;
            }
            let mut text = String::new();
            let read = fs::File::open(&path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
            match read {
                Err(error) => {
                    self.refused
                        .push((name, refuse(format!("cannot read it ({error}): let this user read it, as UTF-8"))));
                }
                Ok(bytes) if bytes as u64 > MAX_BYTES => {
                    self.refused.push((name, refuse(format!("longer than {MAX_BYTES} bytes: that is no theme"))));
                }
                Ok(_) => {
                    files.insert(name, (path, text));
                }
            }
        }
        files
    }

    fn unknown(&self, name: &str) -> String {
        let mut known = vec![AUTO];
        known.extend(self.designs.iter().map(|design| design.name.as_str()));
        let near = remedy(name, &known);
        let all = any_of(&known);
        let name = crate::label::clean(name);
        if near.starts_with("did") {
            format!("unknown theme '{name}': {near} There are {all}")
        } else {
            format!("unknown theme '{name}': use {all}")
        }
    }

    /// Files that are no themes, and why.
    pub fn refused(&self) -> impl Iterator<Item = &ConfigError> {
        self.refused.iter().map(|(_, error)| error)
    }

    /// The theme that is shown.
    #[must_use]
    pub fn shown(&self) -> Theme {
        Theme::of(&self.designs[self.shown], self.depth, self.graph)
    }

    /// Shows the next theme; after the last the first.
    pub fn next(&mut self) {
        self.shown = (self.shown + 1) % self.designs.len();
    }

    /// The colours all of them are shown in.
    #[must_use]
    pub fn depth(&self) -> Depth {
        self.depth
    }
}

/// Why a theme cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThemeRefusal {
    /// Its file is refused; says where.
    #[error(transparent)]
    File(ConfigError),
    /// There is none of this name; says which there are.
    #[error("{0}")]
    Unknown(String),
}

/// A theme by name: the operator's own before the embedded one. `below` are those that inherit it, so that a file may inherit the
/// embedded theme whose place it takes, and a ring has no beginning.
fn read(name: &str, own: &BTreeMap<String, (PathBuf, String)>, below: &[&str]) -> Result<Option<Design>, ConfigError> {
    let Some((path, text)) = own.get(name).filter(|_| !below.contains(&name)) else {
        return Ok(embedded(name));
    };
    let chain = [below, &[name]].concat();
    let design = Design::read(path, text, &|parent| read(parent, own, &chain))?;
    if design.name != name {
        let inner = crate::label::clean(&design.name);
        let what = format!("the file is '{name}.toml', the theme in it '{inner}': give both one name");
        return Err(ConfigError::new(Origin::File(path.clone(), 0), what));
    }
    Ok(Some(design))
}

/// `15;0` or `0;default;15`: the last number is the background; 7 and 9 to 15 are light (as in vim).
fn is_light(colors: &str) -> bool {
    let background = colors.rsplit(';').next().and_then(|number| number.trim().parse::<u8>().ok());
    background.is_some_and(|number| number == 7 || (9..=15).contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &str = "[theme]\nname = \"mine\"\ninherits = \"nord\"\n";

    fn load(files: &[(&str, &str)], name: &str) -> Result<Themes, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let loaded = Themes::load(Some(folder.path()), name, (Depth::TrueColor, Graph::Braille), |_| None);
        loaded.map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn every_embedded_theme_is_whole_and_called_what_its_file_is_called() {
        for (name, _) in EMBEDDED {
            assert_eq!(embedded(name).unwrap().name, name);
        }
    }

    #[test]
    fn the_key_goes_through_all_of_them_and_round() {
        let mut themes = load(&[("mine.toml", PLACE)], "midnight").unwrap();
        let mut seen = Vec::new();
        for _ in 0..9 {
            seen.push(themes.shown().name);
            themes.next();
        }
        assert_eq!(seen[..7], EMBEDDED.map(|(name, _)| name));
        assert_eq!(seen[7..], ["mine", "midnight"]);
    }

    #[test]
    fn a_file_of_an_embedded_name_takes_its_place_and_may_inherit_it() {
        let own =
            "[theme]\nname = \"nord\"\ninherits = \"nord\"\n[palette]\nsnow = \"#ffffff\"\n[roles]\nscreen = {}\n";
        let theme = load(&[("nord.toml", own)], "nord").unwrap().shown();
        assert_eq!(theme.style(super::super::Role::Screen), ratatui::style::Style::new());
        let white = ratatui::style::Color::Rgb(255, 255, 255);
        assert_eq!(
            theme.style(super::super::Role::Text).fg,
            Some(white),
            "roles follow the palette of who inherits them"
        );
    }

    #[test]
    fn a_refused_file_is_refused_when_it_is_asked_for_and_no_other() {
        let broken = "[theme]\nname = \"mine\"\ninherits = \"nord\"\n\n[roles]\nacent = { fg = \"red\" }\n";
        let files = [("mine.toml", broken), ("notes.txt", "no theme"), ("Üble.toml", "")];
        let themes = load(&files, "midnight").unwrap();
        assert_eq!(themes.shown().name, "midnight");
        assert_eq!(themes.refused().count(), 2, "{:?}", themes.refused().collect::<Vec<_>>());
        let refusal = load(&files, "mine").unwrap_err();
        assert!(refusal.ends_with("mine.toml:6: unknown key 'acent' in [roles]: did you mean 'accent'?"), "{refusal}");
        assert!(load(&[("yours.toml", PLACE)], "yours").unwrap_err().contains("give both one name"));
        let ring = ["a", "b"].map(|name| {
            format!("[theme]\nname = \"{name}\"\ninherits = \"{}\"\n", if name == "a" { "b" } else { "a" })
        });
        let refusal = load(&[("a.toml", &ring[0]), ("b.toml", &ring[1])], "a").unwrap_err();
        assert!(refusal.contains("unknown theme 'a'"), "a ring has no beginning: {refusal}");
    }

    #[test]
    fn unknown_names_list_the_known_ones() {
        let all = "auto, midnight, daylight, nord, gruvbox, okabe-ito, ansi, mono or mine";
        let refusal = |name| load(&[("mine.toml", PLACE)], name).unwrap_err();
        assert_eq!(refusal("nrod"), format!("unknown theme 'nrod': did you mean 'nord'? There are {all}"));
        assert_eq!(refusal("x\x1b"), format!("unknown theme 'x\u{fffd}': use {all}"));
    }

    #[test]
    fn auto_follows_the_background_the_terminal_tells_of() {
        for (colors, name) in [
            (Some("15;0"), "midnight"),
            (Some("0;15"), "daylight"),
            (Some("0;default;15"), "daylight"),
            (Some("0;7"), "daylight"),
            (Some("12;8"), "midnight"),
            (Some("default"), "midnight"),
            (None, "midnight"),
        ] {
            let look = (Depth::TrueColor, Graph::Braille);
            let themes = Themes::load(None, "auto", look, |_| colors.map(str::to_owned)).unwrap();
            assert_eq!(themes.shown().name, name, "{colors:?}");
        }
    }
}
