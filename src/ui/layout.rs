//! Which panel stands where. A size enters, rectangles leave; no size is refused.

use ratatui::layout::Rect;

/// A part of the overview that can have the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Panel {
    /// Dollars per hour over the window.
    Burn,
    /// Limits and how they stand.
    Budgets,
    /// By model.
    Models,
    /// By user.
    Users,
    /// Notable things.
    Events,
    /// What single requests cost.
    Spread,
}

impl Panel {
    /// In the order of the tab key.
    pub const ALL: [Panel; 6] =
        [Panel::Burn, Panel::Budgets, Panel::Models, Panel::Users, Panel::Events, Panel::Spread];

    /// The word of its title.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Panel::Burn => "burn",
            Panel::Budgets => "budgets",
            Panel::Models => "models",
            Panel::Users => "users",
            Panel::Events => "events",
            Panel::Spread => "cost per request",
        }
    }
}

/// How much fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// All six panels.
    Full,
    /// Burn chart and one list.
    Compact,
    /// Figures and one list.
    Small,
    /// A few lines of figures.
    Meter,
    /// One line.
    Line,
}

/// Rectangles of one frame.
#[derive(Clone, Debug)]
pub struct Layout {
    /// How much fits.
    pub shape: Shape,
    /// The whole screen.
    pub area: Rect,
    /// Name, age, sources, clock.
    pub header: Rect,
    /// Firing alarms, one row each.
    pub banners: Rect,
    /// Key figures: three rows in full, one else.
    pub kpis: Rect,
    /// The most pressing budget in one row, where no panel shows it.
    pub budget_line: Rect,
    /// Where the user is, and how the bell stands.
    pub status: Rect,
    /// The keys that work.
    pub footer: Rect,
    panels: Vec<(Panel, Rect)>,
}

const NOTHING: Rect = Rect { x: 0, y: 0, width: 0, height: 0 };

impl Layout {
    /// The layout of a screen of `width` × `height` with `alarms` firing.
    #[must_use]
    pub fn of(width: u16, height: u16, alarms: usize, focus: Panel, zoomed: bool) -> Layout {
        let area = Rect::new(0, 0, width, height);
        let shape = match (width, height) {
            (_, 0..=1) => Shape::Line,
            (110.., 30..) => Shape::Full,
            (70.., 20..) => Shape::Compact,
            (48.., 10..) => Shape::Small,
            _ => Shape::Meter,
        };
        let mut layout = Layout {
            shape,
            area,
            header: NOTHING,
            banners: NOTHING,
            kpis: NOTHING,
            budget_line: NOTHING,
            status: NOTHING,
            footer: NOTHING,
            panels: Vec::with_capacity(Panel::ALL.len()),
        };
        let mut rest = area;
        match shape {
            Shape::Line | Shape::Meter => {}
            Shape::Full => {
                layout.header = take_top(&mut rest, 1);
                layout.banners = take_top(&mut rest, banner_rows(alarms, 3));
                layout.kpis = take_top(&mut rest, 3);
                layout.footer = take_bottom(&mut rest, 1);
                layout.status = take_bottom(&mut rest, 1);
                if zoomed {
                    layout.panels.push((focus, rest));
                } else {
                    layout.six(rest);
                }
            }
            Shape::Compact => {
                layout.header = take_top(&mut rest, 1);
                layout.banners = take_top(&mut rest, banner_rows(alarms, 2));
                layout.kpis = take_top(&mut rest, 1);
                layout.footer = take_bottom(&mut rest, 1);
                layout.status = take_bottom(&mut rest, 1);
                if !zoomed {
                    layout.panels.push((Panel::Burn, take_top(&mut rest, (height * 7 / 24).clamp(5, 14))));
                    layout.budget_line = take_top(&mut rest, 1);
                }
                layout.panels.push((if zoomed { focus } else { list(focus) }, rest));
            }
            Shape::Small => {
                layout.header = take_top(&mut rest, 1);
                layout.banners = take_top(&mut rest, banner_rows(alarms, 1));
                layout.kpis = take_top(&mut rest, 1);
                layout.budget_line = take_top(&mut rest, 1);
                layout.footer = take_bottom(&mut rest, 1);
                layout.panels.push((list(focus), rest));
            }
        }
        layout
    }

    /// Three bands of two panels, in the proportions of 11 : 12 : 7 rows and 78 : 42 columns.
    fn six(&mut self, mut rest: Rect) {
        let burn = (rest.height * 11 / 30).clamp(7, 18);
        let events = (rest.height * 7 / 30).clamp(7, 14);
        let right = (rest.width * 42 / 120).clamp(40, 76);
        let top = take_top(&mut rest, burn);
        let bottom = take_bottom(&mut rest, events);
        for (band, left_panel, right_panel) in [
            (top, Panel::Burn, Panel::Budgets),
            (rest, Panel::Models, Panel::Users),
            (bottom, Panel::Events, Panel::Spread),
        ] {
            let left = band.width - right;
            self.panels.push((left_panel, Rect { width: left, ..band }));
            self.panels.push((right_panel, Rect { x: band.x + left, width: right, ..band }));
        }
    }

    /// Panels that are drawn, and where.
    pub fn panels(&self) -> impl Iterator<Item = (Panel, Rect)> {
        self.panels.iter().copied()
    }

    /// Where a panel is drawn; a list that is not drawn now would be drawn where another list is.
    fn place(&self, panel: Panel) -> Option<Rect> {
        let drawn = self.panels.iter().find(|(other, _)| *other == panel);
        drawn.or_else(|| self.panels.iter().rev().find(|(other, _)| *other != Panel::Burn)).map(|(_, place)| *place)
    }

    /// Whether a panel can have the keyboard at this size.
    #[must_use]
    pub fn offers(&self, panel: Panel) -> bool {
        match self.shape {
            Shape::Full | Shape::Compact => true,
            Shape::Small => panel != Panel::Burn,
            Shape::Meter | Shape::Line => false,
        }
    }

    /// Rows of a list that are in sight: without border, heading and sums.
    #[must_use]
    pub fn rows(&self, panel: Panel) -> usize {
        let besides = match panel {
            Panel::Models => 4,
            Panel::Users => 5,
            Panel::Events | Panel::Burn | Panel::Spread => 2,
            Panel::Budgets => 3,
        };
        let rows = self.place(panel).map_or(0, |place| usize::from(place.height.saturating_sub(besides)));
        if panel == Panel::Budgets { rows / 2 } else { rows }
    }

    /// Character cells across the burn chart.
    #[must_use]
    pub fn chart_cells(&self) -> u16 {
        let drawn = self.panels.iter().find(|(panel, _)| *panel == Panel::Burn);
        drawn.map_or(self.area.width, |(_, place)| place.width.saturating_sub(3 + AXIS_WIDTH)).max(1)
    }
}

/// Columns of the burn chart's scale, its line included.
pub const AXIS_WIDTH: u16 = 6;

fn list(focus: Panel) -> Panel {
    if focus == Panel::Burn { Panel::Models } else { focus }
}

fn banner_rows(alarms: usize, most: u16) -> u16 {
    u16::try_from(alarms).unwrap_or(most).min(most)
}

fn take_top(rest: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(rest.height);
    let taken = Rect { height: rows, ..*rest };
    rest.y += rows;
    rest.height -= rows;
    taken
}

fn take_bottom(rest: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(rest.height);
    rest.height -= rows;
    Rect { y: rest.y + rest.height, height: rows, ..*rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_fill_the_screen_without_overlap() {
        for (width, height) in [(120, 36), (110, 30), (200, 60), (80, 24), (70, 20), (60, 15), (48, 10), (300, 20)] {
            for alarms in [0, 1, 7] {
                for focus in Panel::ALL {
                    for zoomed in [false, true] {
                        let layout = Layout::of(width, height, alarms, focus, zoomed);
                        let single = [
                            layout.header,
                            layout.banners,
                            layout.kpis,
                            layout.budget_line,
                            layout.status,
                            layout.footer,
                        ];
                        let all = single.into_iter().chain(layout.panels().map(|(_, place)| place));
                        let mut covered = vec![0u8; usize::from(width) * usize::from(height)];
                        for place in all.flat_map(Rect::positions) {
                            covered[usize::from(place.y) * usize::from(width) + usize::from(place.x)] += 1;
                        }
                        assert!(
                            covered.iter().all(|count| *count == 1),
                            "{width}x{height} {alarms} {focus:?} {zoomed}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_full_screen_has_the_rows_of_the_design() {
        let layout = Layout::of(120, 36, 0, Panel::Models, false);
        assert_eq!(layout.rows(Panel::Models), 8);
        assert_eq!(layout.rows(Panel::Users), 7);
        assert_eq!(layout.rows(Panel::Budgets), 4);
        assert_eq!(layout.rows(Panel::Events), 5);
        assert_eq!(layout.chart_cells(), 69, "two borders, the scale, and a free column at the right");
    }
}
