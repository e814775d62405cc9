//! The first line: ` costtop  ● LIVE   gateway.jsonl +2   41 req/min   lag 0.4s   3 rejected … 14:32:07 UTC`, and the alarms below it.

use ratatui::style::{Modifier, Style};

use super::Scene;
use crate::alarm::AlarmStatus;
use crate::engine::view::End;
use crate::label;
use crate::source::SourceState;
use crate::ui::canvas::Canvas;
use crate::ui::text;
use crate::ui::theme::{Role, Theme};

/// Part of a line that stays or goes as a whole; the greatest rank goes first.
struct Segment {
    rank: u8,
    pieces: Vec<(String, Style)>,
}

impl Segment {
    fn new(rank: u8, text: impl Into<String>, style: Style) -> Segment {
        Segment { rank, pieces: vec![(text.into(), style)] }
    }

    fn then(mut self, text: impl Into<String>, style: Style) -> Segment {
        self.pieces.push((text.into(), style));
        self
    }

    fn width(&self) -> usize {
        self.pieces.iter().map(|(text, _)| text::width(text)).sum()
    }
}

pub(super) fn draw(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let place = scene.layout.header;
    let theme = canvas.theme;
    let room = usize::from(place.width).saturating_sub(2);
    let gap = if place.width >= 100 { 3 } else { 2 };
    let mut left = left(scene, theme);
    let mut right = clock(scene, theme);
    let total = |left: &[Segment], right: &[Segment]| {
        left.iter().chain(right).map(|segment| segment.width() + gap).sum::<usize>().saturating_sub(gap)
    };
    while total(&left, &right) > room {
        let Some(worst) = left.iter().chain(&right).map(|segment| segment.rank).max().filter(|rank| *rank > 0) else {
            break;
        };
        left.retain(|segment| segment.rank != worst);
        right.retain(|segment| segment.rank != worst);
    }
    let mut x = place.x + 1;
    for segment in &left {
        for (text, style) in &segment.pieces {
            x = canvas.put(x, place.y, place.right().saturating_sub(x), text, *style);
        }
        x += gap as u16;
    }
    let mut end = place.right().saturating_sub(1);
    for segment in right.iter().rev() {
        for (text, style) in segment.pieces.iter().rev() {
            end = canvas.put_right(end, place.y, end.saturating_sub(x), text, *style);
        }
        end = end.saturating_sub(2);
    }
    let loud = scene.snapshot.alarms.iter().any(AlarmStatus::is_loud);
    let style = if loud {
        theme.style(Role::Alarm).add_modifier(Modifier::REVERSED | Modifier::BOLD)
    } else {
        theme.style(Role::Header)
    };
    canvas.paint(place, style);
}

fn left(scene: Scene<'_>, theme: &Theme) -> Vec<Segment> {
    let snapshot = scene.snapshot;
    let (dim, figure) = (theme.style(Role::Dim), theme.figure());
    let warn = theme.style(Role::Warn);
    let mut left = vec![Segment::new(2, "costtop", theme.style(Role::Accent).add_modifier(Modifier::BOLD))];
    let loud = snapshot.alarms.iter().filter(|alarm| alarm.is_loud()).count();
    if loud > 0 {
        let plural = if loud == 1 { "" } else { "S" };
        left.push(Segment::new(0, format!("▲ {loud} ALARM{plural}"), theme.style(Role::Alarm)));
    }
    left.extend(ages(scene, theme));
    let lost = snapshot.sources.iter().filter(|source| matches!(source.state, SourceState::Lost(_))).count();
    if lost > 0 {
        let plural = if lost == 1 { "" } else { "s" };
        left.push(Segment::new(1, format!("▲ {lost} source{plural} lost"), theme.style(Role::Alarm)));
    }
    if let Some(first) = snapshot.sources.first() {
        let name = first.name.as_str();
        let name = name.trim_end_matches('/').rsplit('/').next().unwrap_or(name);
        let more = snapshot.sources.len() - 1;
        let segment = Segment::new(5, text::fit(name, 24), theme.style(Role::Text));
        left.push(if more > 0 { segment.then(format!(" +{more}"), dim) } else { segment });
    }
    if scene.state.arrived {
        let rate = text::grouped(i128::from(snapshot.view.requests_per_minute));
        left.push(Segment::new(3, rate, figure).then(" req/min", dim));
    }
    if let Some(lag) = snapshot.lag_ms {
        let lag = i64::try_from(lag).unwrap_or(i64::MAX);
        let tenths = if lag < 10_000 { format!("{}.{}s", lag / 1000, lag % 1000 / 100) } else { text::span(lag) };
        let style = if lag >= 5_000 { warn } else { theme.style(Role::Text) };
        left.push(Segment::new(4, "lag ", dim).then(tenths, style));
    }
    let intake = &snapshot.view.intake;
    let counts = [(intake.rejected_total(), "rejected"), (intake.late, "late"), (intake.clock_skew, "ahead of time")];
    for (count, word) in counts {
        if count > 0 {
            let segment = Segment::new(3, format!("{} {word}", text::grouped(i128::from(count))), warn);
            let is_late = word == "late";
            left.push(if is_late {
                segment.then(format!(" {}", text::dollars(intake.late_cost)), dim)
            } else {
                segment
            });
        }
    }
    left
}

/// How old the figures are, or why they are not whole.
fn ages(scene: Scene<'_>, theme: &Theme) -> Vec<Segment> {
    let Scene { state, snapshot, .. } = scene;
    let warn = theme.style(Role::Warn).add_modifier(Modifier::BOLD);
    let mut ages = Vec::new();
    if let Some(frozen) = state.visit.frozen {
        let since = text::stopwatch(state.now.ms() - frozen.since.ms());
        let behind = text::grouped(i128::from(frozen.behind));
        ages.push(Segment::new(0, format!("❚❚ FROZEN {since} · {behind} behind"), warn));
    }
    if let Some(since) = snapshot.cut_off {
        let since = text::stopwatch(state.now.ms() - since.ms());
        ages.push(Segment::new(
            0,
            format!("✕ NO ANSWER {since}"),
            theme.style(Role::Alarm).add_modifier(Modifier::BOLD),
        ));
    }
    let accent = theme.style(Role::Accent).add_modifier(Modifier::BOLD);
    if !state.arrived {
        ages.push(Segment::new(0, "LOADING", accent));
    } else if let Some(part) = snapshot.progress {
        ages.push(Segment::new(0, format!("LOADING {} %", text::percent(part)), accent));
    } else if snapshot.view.rebuilding {
        ages.push(Segment::new(0, "REBUILDING", accent));
    }
    if let End::At(end) = state.visit.end {
        let today = snapshot.zone.date(end) == snapshot.zone.date(state.now);
        let end = snapshot.zone.format(end, if today { "%H:%M" } else { "%a %e %b %H:%M" });
        ages.push(Segment::new(0, format!("PAST · ends {end}"), warn));
    } else if snapshot.view.as_of {
        let until = snapshot.view.until;
        ages.push(Segment::new(0, format!("AS OF {}", text::ago(state.now.ms() - until.ms())), warn));
        ages.push(Segment::new(4, snapshot.zone.format(until, "%a %e %b %H:%M"), theme.style(Role::Warn)));
    }
    if ages.is_empty() {
        let is = |wanted: &SourceState| {
            !snapshot.sources.is_empty() && snapshot.sources.iter().all(|source| source.state == *wanted)
        };
        let (word, style) = if is(&SourceState::Ended) {
            ("■ ENDED", theme.style(Role::Dim))
        } else if is(&SourceState::Waiting) {
            ("○ WAITING", theme.style(Role::Warn))
        } else {
            ("● LIVE", theme.style(Role::Good))
        };
        ages.push(Segment::new(0, word, style.add_modifier(Modifier::BOLD)));
    }
    ages
}

fn clock(scene: Scene<'_>, theme: &Theme) -> Vec<Segment> {
    let (zone, now) = (scene.snapshot.zone, scene.state.now);
    vec![
        Segment::new(6, zone.format(now, "%a %e %b"), theme.style(Role::Dim)),
        Segment::new(1, zone.format(now, "%H:%M:%S"), theme.figure()).then(zone.format(now, " %Z"), theme.figure()),
    ]
}

/// One row for each loud alarm: `▐ ▲ BUDGET   today passed $600.00 at 17:48:21 …   A acknowledge ▌`.
pub(super) fn banners(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let place = scene.layout.banners;
    if place.height == 0 {
        return;
    }
    let loud = scene.snapshot.banners();
    let style = canvas.theme.style(Role::Alarm).add_modifier(Modifier::BOLD);
    let keys = canvas.theme.style(Role::Text);
    for (at, alarm) in loud.iter().take(usize::from(place.height)).enumerate() {
        let y = place.y + at as u16;
        canvas.put(place.x, y, 1, "▐", style);
        canvas.put_right(place.right(), y, 1, "▌", style);
        let hidden = loud.len() - at - 1;
        let last = at + 1 == usize::from(place.height);
        let hint = match (at, last && hidden > 0) {
            (_, true) => format!("+{hidden} more"),
            (0, _) if place.width >= 100 => "A acknowledge  m mute".to_owned(),
            (0, _) => "A ack  m mute".to_owned(),
            _ => String::new(),
        };
        let inside = place.width.saturating_sub(4);
        let end = canvas.put_right(place.right().saturating_sub(2), y, inside, &hint, keys);
        let x = canvas.put(place.x + 2, y, inside, &format!("▲ {:<8} ", alarm.cause.to_uppercase()), style);
        let message = label::clean(&alarm.message);
        canvas.put(x, y, end.saturating_sub(x + 2), &message, style);
    }
}
