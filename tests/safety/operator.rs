//! The hostile strings where an operator could be made to put them: names of files, arguments, variables, the configuration, themes.

use std::fs;
use std::os::unix::ffi::OsStrExt;

use super::hostile::{assert_harmless, raw, strings};
use super::place::{Place, both, text};

/// One in so many: each costs a process.
const EVERY: usize = 9;

fn some() -> impl Iterator<Item = String> {
    strings().into_iter().filter(|string| !string.contains('\0') && string.len() < 200).step_by(EVERY)
}

#[test]
fn names_of_files() {
    let place = Place::new();
    let folder = place.path("logs");
    fs::create_dir(&folder).unwrap();
    let line = "{\"model\":\"gpt-5.4\",\"input_tokens\":5,\"request_id\":\"r-000000000001\"}\nnot json\n";
    let names = strings().into_iter().map(String::into_bytes).chain(raw().into_iter().map(<[u8]>::to_vec));
    for name in names.filter(|name| !name.contains(&0) && !name.contains(&b'/') && name.len() < 200) {
        let name = [&name[..], b".jsonl"].concat();
        fs::write(folder.join(std::ffi::OsStr::from_bytes(&name)), line).unwrap();
    }
    // One that is not text, one that is a broken archive: both are told with their names.
    fs::write(folder.join("utf16\u{1b}[2J\u{202e}.jsonl"), b"\xff\xfe{\0\n\0").unwrap();
    fs::write(folder.join("half\u{1b}[2J\u{9b}.jsonl.gz"), b"\x1f\x8b\x08\x00").unwrap();
    for words in [&["report", "--by", "source"][..], &["explain"], &["events"], &["alarms"]] {
        let said = place.said(&[words, &[text(&folder)]].concat());
        assert_harmless(&words.join(" "), &said);
        assert!(!words.contains(&"report") || said.contains("UTF-16"), "{said}");
    }
}

#[test]
fn words_of_the_command_line() {
    let place = Place::new();
    for string in some() {
        for words in [
            &["report", &string][..],
            &["report", "--by", &string],
            &["report", "--since", &string],
            &["report", "--format", &string],
            &["prices", &string],
            &["explain", &string],
            &["--state", &string, "report"],
            &["--theme", &string, "config", "check"],
            &["--config", &string, "config", "print"],
            &[&string],
        ] {
            assert_harmless(&format!("{words:?}"), &both(&place.run(words)));
        }
    }
}

#[test]
fn variables() {
    let place = Place::new();
    for string in some() {
        for name in [
            "COSTTOP_CONFIG",
            "COSTTOP_TIMEZONE",
            "COSTTOP_THEME",
            "COSTTOP_USER",
            "COSTTOP_BELL",
            "TZ",
            "TERM",
            "LANG",
            "COLORFGBG",
        ] {
            let output = place.command(&["config", "check"]).env(name, &string).output().unwrap();
            assert_harmless(&format!("{name}={string:?}"), &both(&output));
        }
    }
}

#[test]
fn texts_of_the_configuration() {
    let place = Place::new();
    let file = text(&place.path("c.toml")).to_owned();
    for string in some() {
        let quoted = toml::Value::String(string.clone()).to_string();
        for toml in [
            format!("theme = {quoted}\n"),
            format!("timezone = {quoted}\n"),
            format!("graph = {quoted}\n"),
            format!("user = [{quoted}]\n"),
            format!("[[source]]\npath = {quoted}\n"),
            format!("[[source]]\nlisten = {quoted}\n"),
            format!("[[source]]\npath = \"a\"\nlabels = {{ team = {quoted} }}\n"),
            format!("[[source]]\npath = \"a\"\nlabels = {{ {quoted} = \"x\" }}\n"),
            format!("[labels]\n{quoted} = [\"x\"]\n"),
            format!("[labels]\nx = [{quoted}]\n"),
            format!("[prices]\nfiles = [{quoted}]\n"),
            format!("[prices.model.{quoted}]\ninput = 1\n"),
            format!("[prices.model.{quoted}]\ninput = 1\noutput = 1\n"),
            format!("[prices.alias]\n{quoted} = {quoted}\n"),
            format!("[[prices.discount]]\nmodel = {quoted}\npercent = 1\n"),
            format!("[[budget]]\nname = {quoted}\nlimit = 1\nper = \"day\"\n"),
            format!("[[budget]]\nname = \"a\"\nlimit = 1\nper = {quoted}\n"),
            format!("[[budget]]\nname = \"a\"\nlimit = 1\nper = \"day\"\nmatch = {{ team = {quoted} }}\n"),
            format!("[[budget]]\nname = \"a\"\nlimit = {quoted}\nper = \"day\"\n"),
            format!("[alarm]\nquiet_hours = {quoted}\n"),
            format!("[[hook]]\non = [{quoted}]\ncommand = [\"/bin/true\"]\n"),
            format!("[[hook]]\non = [\"page\"]\ncommand = [{quoted}]\n"),
            format!("[[hook]]\non = [\"page\"]\ncommand = [\"/bin/true\", {quoted}]\n"),
            format!("{quoted} = 1\n"),
            format!("{string}\n"),
        ] {
            place.write("c.toml", &toml);
            for action in ["check", "print"] {
                let output = place.run(&["--config", &file, "config", action]);
                assert_harmless(&format!("{action} of {toml:?}"), &both(&output));
            }
        }
    }
}

#[test]
fn a_printed_configuration_reads_back_whatever_it_names() {
    let place = Place::new();
    let file = text(&place.path("c.toml")).to_owned();
    let with_a_tab = "gone\tastray".to_owned();
    for string in strings().into_iter().chain([with_a_tab]) {
        // No key of TOML spans lines.
        if string.contains(['\0', '\n']) || string.len() >= 100 {
            continue;
        }
        let quoted = toml::Value::String(string).to_string();
        let toml = format!("theme = {quoted}\n[prices.alias]\n{quoted} = \"gpt-5.4\"\n[[source]]\npath = {quoted}\n");
        let mapping = format!(
            "[[mapping]]\nname = \"ours\"\nhas = \"n\"\nmodel = \"m\"\ninput = \"n\"\nwhen = {{ kind = {quoted} }}\ninput_includes_cache = false\n"
        );
        let toml = toml + &mapping;
        place.write("c.toml", &toml);
        let output = place.run(&["--config", &file, "config", "print"]);
        assert!(output.status.success(), "{toml:?}: {}", both(&output));
        assert_harmless(&format!("print of {toml:?}"), &both(&output));
        let read: toml::Value = toml::from_str(&both(&output)).unwrap();
        let meant: toml::Value = toml::from_str(&toml).unwrap();
        for part in ["theme", "prices"] {
            assert_eq!(read[part], meant[part], "{toml:?}");
        }
        assert_eq!(read["mapping"][0]["when"], meant["mapping"][0]["when"], "{toml:?}");
    }
}

#[test]
fn names_and_texts_of_themes() {
    let place = Place::new();
    fs::create_dir_all(place.path("home/.config/costtop/themes")).unwrap();
    for (number, string) in some().enumerate() {
        let quoted = toml::Value::String(string.clone()).to_string();
        let below = "home/.config/costtop/themes";
        place.write(&format!("{below}/t{number}.toml"), format!("base = {quoted}\n"));
        place.write(&format!("{below}/c{number}.toml"), format!("[colors]\ntext = {quoted}\n"));
        if !string.contains('/') && string.len() < 100 {
            place.write(&format!("{below}/{string}.toml"), format!("{quoted} = {quoted}\n"));
        }
    }
    let said = both(&place.run(&["config", "check"]));
    assert_harmless("config check", &said);
    for number in 0..some().count() {
        for name in [format!("t{number}"), format!("c{number}")] {
            let output = place.run(&["--theme", &name, "config", "check"]);
            assert_harmless(&name, &both(&output));
            assert_eq!(output.status.code(), Some(78), "{name}");
        }
    }
}
