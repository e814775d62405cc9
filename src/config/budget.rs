//! `[[budget]]`: tables enter, limits that cannot contradict each other leave.

use super::document::{Table, Value};
use super::error::{ConfigError, any_of, remedy};
use super::file::{glob, named_dimension};
use super::print::quoted;
use super::{BudgetConfig, Each, Match, Origins};
use crate::label::Label;
use crate::money::Cost;
use crate::time::Period;
use crate::usage::Dimension;

/// Where a budget warns when nothing is said: at 80 %.
pub(super) const WARN: [u32; 1] = [800_000];
const PERIODS: [Period; 4] = [Period::Hour, Period::Day, Period::Week, Period::Month];
/// More warnings than anyone can tell apart.
const MOST_WARNINGS: usize = 8;

pub(super) fn read_budgets(
    tables: &[Table],
    known: &[Dimension],
    origins: &mut Origins,
) -> Result<Vec<BudgetConfig>, ConfigError> {
    let mut budgets: Vec<BudgetConfig> = Vec::new();
    for table in tables {
        let budget = read_budget(table, known)?;
        if budgets.iter().any(|other| other.name == budget.name) {
            return Err(table.refuse(format!("a second budget '{}': give it a name of its own", budget.name)));
        }
        origins.set(format!("budget.{}", budgets.len()), table.origin());
        budgets.push(budget);
    }
    Ok(budgets)
}

fn read_budget(table: &Table, known: &[Dimension]) -> Result<BudgetConfig, ConfigError> {
    // All keys are asked for before the first refusal, so that an unknown key is named with all known ones.
    let (name, limit, each) = (table.get("name"), table.get("limit"), table.get("each"));
    let (per, warn, matches) = (table.get("per"), table.get("warn"), table.get("match"));
    let (overrides, include) = (table.get("override"), table.get("include_subscription"));
    table.finish()?;
    let name = name.ok_or_else(|| table.refuse("[[budget]] without 'name': write name = \"everything\""))?;
    let name = Label::new(name.text("a name in quotes")?);
    let limit = limit.ok_or_else(|| table.refuse(format!("budget '{name}' without 'limit': write limit = 600.00")))?;
    let each = each.map_or(Ok(Each::All), |value| read_each(&value, known))?;
    let per = match (per, each) {
        (Some(per), Each::Session) => {
            return Err(
                per.refuse("'per' with each = \"session\": leave it out, the budget is for the session's lifetime")
            );
        }
        (None, Each::Session) => None,
        (Some(per), _) => Some(read_period(&per)?),
        (None, _) => {
            return Err(
                table.refuse(format!("budget '{name}' without 'per': write per = \"day\" (or hour, week, month)"))
            );
        }
    };
    let warn = warn.map_or(Ok(WARN.to_vec()), |value| read_warn(&value))?;
    let matches = matches.map_or(Ok(Vec::new()), |value| read_match(&value, known))?;
    let limit = Cost::from_pico(limit.scaled(12)?);
    let overrides = overrides.map_or(Ok(Vec::new()), |value| read_overrides(&value, each, known))?;
    let include_subscription = include.map_or(Ok(false), |value| value.truth())?;
    Ok(BudgetConfig { name, limit, per, each, warn, matches, overrides, include_subscription })
}

fn read_each(value: &Value, dimensions: &[Dimension]) -> Result<Each, ConfigError> {
    let name = value.text("\"user\"")?;
    match name {
        "all" => Ok(Each::All),
        "session" => Ok(Each::Session),
        _ => dimensions.iter().find(|other| other.name() == name).copied().map(Each::Dimension).ok_or_else(|| {
            let mut known: Vec<_> = dimensions.iter().map(|dimension| dimension.name()).collect();
            known.push("session");
            value.refuse(format!(
                "cannot keep a budget for each '{}': {}",
                crate::label::clean(name),
                remedy(name, &known)
            ))
        }),
    }
}

fn read_period(value: &Value) -> Result<Period, ConfigError> {
    let name = value.text("\"day\"")?;
    PERIODS.into_iter().find(|period| period.name() == name).ok_or_else(|| {
        let known = any_of(&PERIODS.map(Period::name));
        value.refuse(format!("unknown budget period '{}': use {known}", crate::label::clean(name)))
    })
}

fn read_warn(value: &Value) -> Result<Vec<u32>, ConfigError> {
    let mut parts: Vec<u32> = Vec::new();
    for item in value.list("a list such as [0.8]")? {
        let part = item.scaled(6)?;
        if part == 0 || part >= 1_000_000 {
            return Err(item.refuse("'warn' outside 0 to 1: write parts of the limit, such as [0.5, 0.8]"));
        }
        let part = part as u32;
        if parts.last().is_some_and(|last| part <= *last) {
            return Err(item.refuse("'warn' is not ascending: write the smaller part first, such as [0.5, 0.8]"));
        }
        parts.push(part);
    }
    if parts.len() > MOST_WARNINGS {
        return Err(value.refuse(format!("'warn' has {} parts: write at most {MOST_WARNINGS}", parts.len())));
    }
    Ok(parts)
}

fn read_match(value: &Value, known: &[Dimension]) -> Result<Match, ConfigError> {
    let mut globs = Vec::new();
    for item in value.table("match = { team = \"search\" }")?.each() {
        let dimension = named_dimension(&item, known)?;
        globs.push((dimension, glob(&item)?.to_owned()));
    }
    globs.sort();
    Ok(globs)
}

fn read_overrides(value: &Value, each: Each, known: &[Dimension]) -> Result<Vec<(Match, Cost)>, ConfigError> {
    let mut overrides: Vec<(Match, Cost)> = Vec::new();
    for table in value.tables("budget.override")? {
        let matches = table.need("match", "match = { user = \"ci-*\" }")?;
        let limit = table.need("limit", "limit = 25.00")?;
        table.finish()?;
        let globs = read_match(&matches, known)?;
        if globs.is_empty() {
            return Err(matches.refuse("an override for all: change the budget's own 'limit'"));
        }
        match each {
            Each::All => {
                return Err(
                    table.refuse("an override of a budget that is one sum: write each = \"user\" in the budget")
                );
            }
            // Another dimension would make the limit depend on which of a user's charges came first.
            Each::Dimension(dimension) if globs.iter().any(|(other, _)| *other != dimension) => {
                let name = dimension.name();
                return Err(matches.refuse(format!("an override for each {name} can only match '{name}'")));
            }
            _ => {}
        }
        if let Some((other, _)) =
            overrides.iter().find(|(other, _)| specificity(other) == specificity(&globs) && meet(other, &globs))
        {
            return Err(matches.refuse(format!(
                "this override and the one with match = {} are equally specific and can both match: name more letters in one",
                spell(other)
            )));
        }
        overrides.push((globs, Cost::from_pico(limit.scaled(12)?)));
    }
    Ok(overrides)
}

/// How a match is spelled in TOML.
pub(super) fn spell(globs: &[(Dimension, String)]) -> String {
    let parts: Vec<_> =
        globs.iter().map(|(dimension, glob)| format!("{} = {}", dimension.name(), quoted(glob))).collect();
    format!("{{ {} }}", parts.join(", "))
}

/// What makes one match win over another: more dimensions, then more of them exact, then more letters that are no wildcard.
#[must_use]
pub fn specificity(globs: &[(Dimension, String)]) -> (usize, usize, usize) {
    let exact = globs.iter().filter(|(_, glob)| !glob.contains(['*', '?', '[', '{'])).count();
    let letters =
        globs.iter().map(|(_, glob)| tokens(glob).iter().filter(|token| matches!(token, Token::Is(_))).count()).sum();
    (globs.len(), exact, letters)
}

/// Whether one charge could match both. Classes and alternatives are taken as wildcards, so the answer may be a needless yes.
fn meet(left: &[(Dimension, String)], right: &[(Dimension, String)]) -> bool {
    left.iter().all(|(dimension, glob)| {
        right.iter().filter(|(other, _)| other == dimension).all(|(_, other)| texts_meet(&tokens(glob), &tokens(other)))
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Token {
    Is(char),
    One,
    Any,
}

fn tokens(glob: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = glob.chars();
    while let Some(character) = rest.next() {
        tokens.push(match character {
            '*' => Token::Any,
            '?' => Token::One,
            '[' => {
                rest.by_ref().find(|other| *other == ']');
                Token::One
            }
            '{' => {
                rest.by_ref().find(|other| *other == '}');
                Token::Any
            }
            '\\' => Token::Is(rest.next().unwrap_or('\\')),
            other => Token::Is(other),
        });
    }
    tokens
}

fn texts_meet(left: &[Token], right: &[Token]) -> bool {
    // reach[j]: left up to here and right up to j can spell the same text.
    let mut reach = vec![false; right.len() + 1];
    for i in 0..=left.len() {
        let before = std::mem::replace(&mut reach, vec![false; right.len() + 1]);
        for j in 0..=right.len() {
            let (a, b) = (i.checked_sub(1).map(|i| left[i]), j.checked_sub(1).map(|j| right[j]));
            let same = match (a, b) {
                (Some(Token::Is(a)), Some(Token::Is(b))) => a == b,
                (Some(_), Some(_)) => true,
                _ => false,
            };
            reach[j] = (i == 0 && j == 0)
                || (same && before[j - 1])
                || (a == Some(Token::Any) && before[j])
                || (b == Some(Token::Any) && reach[j - 1])
                // A wildcard that stays open while the other side takes one more.
                || (a == Some(Token::Any) && j > 0 && reach[j - 1])
                || (b == Some(Token::Any) && i > 0 && before[j]);
        }
    }
    reach[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_that_share_a_text_are_found() {
        let meet = |left: &str, right: &str| texts_meet(&tokens(left), &tokens(right));
        for (left, right) in [
            ("ci-*", "*-ci"),
            ("a*", "*b"),
            ("abc", "abc"),
            ("a?c", "ab*"),
            ("*", "x"),
            ("", "*"),
            ("a*c", "a*b*c"),
            ("[ab]x", "?x"),
        ] {
            assert!(meet(left, right) && meet(right, left), "{left} {right}");
        }
        for (left, right) in [("alice", "carol"), ("ci-*", "cd-*"), ("a?", "a"), ("", "x"), ("*a", "*b"), ("a*c", "ab")]
        {
            assert!(!meet(left, right) && !meet(right, left), "{left} {right}");
        }
    }
}
