//! The key figures of one charge.

use super::{Figure, Scene, one};
use crate::engine::bill::CostSource;
use crate::engine::view::ChargeRow;
use crate::ui::text::{self, UNKNOWN};
use crate::ui::theme::{Role, Theme};

/// What it cost, in a word.
pub(in super::super) fn cost(row: &ChargeRow) -> String {
    match row.source {
        CostSource::Unpriced => "unpriced".to_owned(),
        CostSource::Reported | CostSource::Computed if row.subscription => {
            format!("≈{}", text::dollars(row.cost.into()))
        }
        CostSource::Reported | CostSource::Computed => text::dollars(row.cost.into()),
    }
}

fn hit(row: &ChargeRow) -> String {
    if row.tokens.prompt() == 0 {
        return UNKNOWN.to_owned();
    }
    format!("{}%", text::percent(f64::from(row.tokens.cache_read) / row.tokens.prompt() as f64))
}

fn took(row: &ChargeRow) -> String {
    if row.latency_ms == 0 { UNKNOWN.to_owned() } else { text::span(i64::from(row.latency_ms)) }
}

fn prompt(row: &ChargeRow) -> String {
    text::count(i64::try_from(row.tokens.prompt()).unwrap_or(i64::MAX))
}

pub(super) fn figures(scene: Scene<'_>, theme: &Theme) -> [Figure; 6] {
    let (figure, dim) = (theme.figure(), theme.style(Role::Dim));
    let row = scene.open().map(|open| &open.charge.row);
    let known = |of: fn(&ChargeRow) -> String| row.map_or_else(|| UNKNOWN.to_owned(), of);
    let time = scene.state.visit.charge.map(|(_, time)| time);
    let zone = scene.snapshot.zone;
    let model = row.and_then(|row| row.model.as_ref()).map_or(UNKNOWN, |model| model.as_str());
    let source = match row.map(|row| row.source) {
        Some(CostSource::Reported) => "as the log says",
        Some(CostSource::Computed) => "computed",
        Some(CostSource::Unpriced) => "no table has a price",
        None => "",
    };
    let user = row.and_then(|row| row.user.as_ref()).map_or("no owner", |user| user.as_str());
    let (status, role) = match row.map_or(0, |row| row.status) {
        0 => (String::new(), Role::Dim),
        failed @ 400.. => (format!("▲ {failed} failed"), Role::Alarm),
        status => (format!("status {status}"), Role::Dim),
    };
    let ago = time.map_or_else(String::new, |time| {
        format!("{} ago", text::span((scene.state.now.ms() - time.ms()).max(0) / 1000 * 1000))
    });
    let reasoning = row.map_or(0, |row| row.tokens.reasoning);
    let thought = if reasoning == 0 { String::new() } else { format!("{} reasoning", text::count(reasoning.into())) };
    [
        Figure { label: "COST".to_owned(), value: one(known(cost), figure), note: one(source, dim) },
        Figure {
            label: "TIME".to_owned(),
            value: one(time.map_or_else(String::new, |time| zone.format(time, "%H:%M:%S")), figure),
            note: one(ago, dim),
        },
        Figure {
            label: "MODEL".to_owned(),
            value: one(model, figure),
            note: one(if row.is_some() { user } else { "" }, dim),
        },
        Figure {
            label: "PROMPT".to_owned(),
            value: one(known(prompt), figure),
            note: one(if row.is_some() { format!("{} from cache", known(hit)) } else { String::new() }, dim),
        },
        Figure {
            label: "OUTPUT".to_owned(),
            value: one(known(|row| text::count(row.tokens.output.into())), figure),
            note: one(thought, dim),
        },
        Figure { label: "TOOK".to_owned(), value: one(known(took), figure), note: one(status, theme.style(role)) },
    ]
}

pub(super) fn parts(scene: Scene<'_>) -> Vec<(&'static str, String)> {
    let Some(row) = scene.open().map(|open| &open.charge.row) else { return vec![("COST", UNKNOWN.to_owned())] };
    vec![
        ("COST", cost(row)),
        ("PROMPT", prompt(row)),
        ("HIT", hit(row)),
        ("OUTPUT", text::count(row.tokens.output.into())),
        ("TOOK", took(row)),
    ]
}
