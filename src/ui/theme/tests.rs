use super::*;

const DEPTHS: [Depth; 4] = [Depth::TrueColor, Depth::Ansi256, Depth::Ansi16, Depth::None];

fn midnight() -> &'static str {
    EMBEDDED[0].1
}

fn themes(depth: Depth) -> Vec<Theme> {
    EMBEDDED.iter().map(|(name, _)| Theme::embedded(name, depth).unwrap()).collect()
}

#[test]
fn the_embedded_theme_is_whole_at_every_depth() {
    for depth in DEPTHS {
        assert_eq!(Theme::midnight(depth).name, "midnight");
    }
    let theme = Theme::midnight(Depth::TrueColor);
    assert_eq!(theme.style(Role::Accent).fg, Some(Color::Rgb(0x7d, 0xcf, 0xff)));
    assert_eq!(theme.series(8), theme.series(0));
    assert_eq!(theme.ramp(0.0).fg, Some(Color::Rgb(0x9e, 0xce, 0x6a)));
    assert_eq!(theme.ramp(9.0).fg, Some(Color::Rgb(0xff, 0x9e, 0x64)));
    let own = Theme::embedded("ansi", Depth::TrueColor).unwrap();
    assert_eq!([0.0, 0.4, 1.0].map(|part| own.ramp(part).fg.unwrap()), [Color::Green, Color::Yellow, Color::Red]);
}

#[test]
fn mistakes_are_named_with_place_and_remedy() {
    let refused = |from: &str, to: &str| {
        assert!(midnight().contains(from), "{from}");
        Theme::parse("a.toml", &midnight().replacen(from, to, 1), Depth::TrueColor).unwrap_err().to_string()
    };
    let mut said = String::new();
    for (from, to) in [
        ("accent =", "acent ="),
        ("\"lavender\" }", "\"lavendel\" }"),
        ("\"lavender\" }", "\"#12\" }"),
        ("title = { fg = \"lavender\" }", ""),
        ("{ fg = \"slate\" }", "\"slate\""),
        ("{ fg = \"slate\" }", "{ foreground = \"slate\" }"),
        ("{ fg = \"slate\" }", "{ bold = 1 }"),
        ("night = \"#101216\"", "night = \"ink\""),
        ("variant = \"dark\"", "variant = \"dusk\""),
        ("variant = \"dark\"", ""),
        ("variant = \"dark\"", "inherits = \"midnigth\""),
        ("name = \"midnight\"", ""),
        ("ramp = [\"green\", \"amber\", \"orange\"]", "ramp = [\"green\"]"),
        ("[roles]", "[rolls]"),
        ("[theme]", "[theme"),
    ] {
        said.extend([refused(from, to), "\n".to_owned()]);
    }
    insta::assert_snapshot!(said);
}

#[test]
fn who_inherits_says_only_what_is_different() {
    let text = "[theme]\nname = \"loud\"\ninherits = \"daylight\"\n[roles]\nalarm = { fg = \"bright-red\", bold = true, underline = true }\n";
    let loud = Theme::parse("loud.toml", text, Depth::TrueColor).unwrap();
    let daylight = Theme::embedded("daylight", Depth::TrueColor).unwrap();
    for (name, role) in Role::ALL.iter().filter(|(_, role)| *role != Role::Alarm) {
        assert_eq!(loud.style(*role), daylight.style(*role), "{name}");
    }
    let alarm = Style::new().fg(Color::LightRed).add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
    assert_eq!(loud.style(Role::Alarm), alarm);
}

#[test]
fn without_colour_no_theme_has_one_and_the_selected_row_is_reversed() {
    for theme in themes(Depth::None) {
        for (name, role) in Role::ALL {
            let style = theme.style(role);
            assert!(style.fg.is_none() && style.bg.is_none(), "{} {name}", theme.name);
        }
        assert_eq!(theme.series(3).fg, Some(Color::Reset));
        assert_eq!(theme.ramp(1.0), Style::new());
        assert!(theme.style(Role::Selected).add_modifier.contains(Modifier::REVERSED));
        assert!(theme.style(Role::Alarm).add_modifier.contains(Modifier::BOLD));
    }
}

/// Relative luminance as WCAG 2 defines it (<https://www.w3.org/TR/WCAG22/#dfn-relative-luminance>).
fn luminance(color: Color) -> f64 {
    let Color::Rgb(red, green, blue) = color else { panic!("{color:?} has no luminance of its own") };
    let part = |value: u8| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue)
}

fn contrast(one: Color, other: Color) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// WCAG asks 4.5 of text and 3 of what is large or a drawing; figures get more, a selected row's labels the 3.
#[test]
fn every_theme_can_be_read() {
    for theme in themes(Depth::TrueColor).iter().filter(|theme| theme.style(Role::Screen).bg.is_some()) {
        let ground = |role: Role| theme.style(role).bg.unwrap();
        let check = |what: &str, color: Color, on: Role, least: f64| {
            let found = contrast(color, ground(on));
            assert!(found >= least, "{}: {what} on {on:?} has {found:.2}, less than {least}", theme.name);
        };
        for (name, role, on_screen, on_selected) in [
            ("text", Role::Text, 7.0, 5.5),
            ("dim", Role::Dim, 4.5, 3.0),
            ("title", Role::Title, 4.5, 3.0),
            ("focus", Role::Focus, 3.0, 3.0),
            ("accent", Role::Accent, 4.5, 4.0),
            ("good", Role::Good, 4.5, 3.5),
            ("warn", Role::Warn, 4.5, 4.0),
            ("alarm", Role::Alarm, 4.5, 3.0),
        ] {
            let color = theme.style(role).fg.unwrap();
            check(name, color, Role::Screen, on_screen);
            check(name, color, Role::Selected, on_selected);
            check(name, color, Role::Header, 0.85 * on_screen);
        }
        check("faint", theme.style(Role::Faint).fg.unwrap(), Role::Screen, 1.4);
        check("border", theme.style(Role::Border).fg.unwrap(), Role::Screen, 1.6);
        for place in 0..8 {
            check(&format!("series {place}"), theme.series(place).fg.unwrap(), Role::Screen, 3.0);
        }
        for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
            check(&format!("ramp {part}"), theme.ramp(part).fg.unwrap(), Role::Screen, 3.0);
        }
        assert!(
            contrast(ground(Role::Selected), ground(Role::Screen)) >= 1.25,
            "{}: the selection is lost",
            theme.name
        );
    }
}

/// What a palette shows cannot be computed, but equal is never readable.
#[test]
fn with_few_colours_no_text_has_the_colour_of_what_is_behind_it() {
    for depth in [Depth::Ansi256, Depth::Ansi16] {
        for theme in themes(depth) {
            let behind = |role: Role| theme.style(role).bg.or(theme.style(Role::Screen).bg).unwrap_or(Color::Reset);
            let texts =
                [Role::Text, Role::Dim, Role::Title, Role::Focus, Role::Accent, Role::Good, Role::Warn, Role::Alarm];
            let colors = texts.map(|role| theme.style(role).fg).into_iter().flatten();
            let drawn =
                (0..8).map(|place| theme.series(place).fg).chain([theme.ramp(0.0).fg, theme.ramp(1.0).fg]).flatten();
            for color in colors.chain(drawn).filter(|color| *color != Color::Reset) {
                for ground in [Role::Screen, Role::Selected, Role::Header] {
                    assert_ne!(color, behind(ground), "{} at {depth:?} on {ground:?}", theme.name);
                }
            }
            let seen = behind(Role::Selected) != behind(Role::Screen)
                || theme.style(Role::Selected).add_modifier.contains(Modifier::REVERSED);
            assert!(seen, "{} at {depth:?}: the selection is lost", theme.name);
        }
    }
}
