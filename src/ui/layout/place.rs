//! Cuts a screen into its panels, shape by shape.

use ratatui::layout::Rect;

use super::{Layout, Page, Panel, Plan, Shape};

const NOTHING: Rect = Rect { x: 0, y: 0, width: 0, height: 0 };

impl Layout {
    /// The layout of a screen of `width` × `height`.
    #[must_use]
    pub fn of(width: u16, height: u16, plan: Plan) -> Layout {
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
            page: plan.page,
            area,
            header: NOTHING,
            banners: NOTHING,
            kpis: NOTHING,
            budget_line: NOTHING,
            status: NOTHING,
            footer: NOTHING,
            panels: Vec::with_capacity(8),
        };
        let mut rest = area;
        match shape {
            Shape::Line | Shape::Meter => {}
            Shape::Full => {
                layout.header = take_top(&mut rest, 1);
                layout.banners = take_top(&mut rest, banner_rows(plan.alarms, 3));
                layout.kpis = take_top(&mut rest, 3);
                layout.footer = take_bottom(&mut rest, 1);
                layout.status = take_bottom(&mut rest, 1);
                if plan.zoomed {
                    layout.panels.push((plan.focus, rest));
                } else {
                    layout.full(rest, plan);
                }
            }
            Shape::Compact => {
                layout.header = take_top(&mut rest, 1);
                layout.banners = take_top(&mut rest, banner_rows(plan.alarms, 2));
                layout.kpis = take_top(&mut rest, 1);
                layout.footer = take_bottom(&mut rest, 1);
                layout.status = take_bottom(&mut rest, 1);
                if !plan.zoomed {
                    layout.compact(&mut rest, plan);
                }
                layout.panels.push((if plan.zoomed { plan.focus } else { list(plan) }, rest));
            }
            Shape::Small => {
                layout.header = take_top(&mut rest, 1);
                layout.banners = take_top(&mut rest, banner_rows(plan.alarms, 1));
                layout.kpis = take_top(&mut rest, 1);
                layout.footer = take_bottom(&mut rest, 1);
                if plan.speaks {
                    layout.status = take_bottom(&mut rest, 1);
                } else {
                    layout.budget_line = take_top(&mut rest, 1);
                }
                layout.panels.push((list(plan), rest));
            }
        }
        layout
    }

    fn full(&mut self, rest: Rect, plan: Plan) {
        match plan.page {
            Page::Overview => self.overview(rest),
            Page::Entity => self.entity(rest, plan.budgets),
            Page::Session => self.session(rest, plan.budgets),
            Page::Request => self.request(rest),
            Page::Alarms => {
                let mut rest = rest;
                let detail = take_bottom(&mut rest, (self.area.height / 4).clamp(8, 12));
                self.panels.push((Panel::Alarms, rest));
                self.panels.push((Panel::Alarm, detail));
            }
            Page::Drift => {
                let mut rest = rest;
                let detail = take_bottom(&mut rest, (self.area.height / 4).clamp(8, 12));
                self.panels.push((Panel::Drift, rest));
                self.panels.push((Panel::Finding, detail));
            }
        }
    }

    /// Three bands of two panels, in the proportions of 11 : 12 : 7 rows and 78 : 42 columns.
    fn overview(&mut self, mut rest: Rect) {
        let burn = (rest.height * 11 / 30).clamp(7, 18);
        let events = (rest.height * 7 / 30).clamp(7, 14);
        let top = take_top(&mut rest, burn);
        let bottom = take_bottom(&mut rest, events);
        self.band(top, Panel::Burn, Panel::Budgets);
        self.band(rest, Panel::Left, Panel::Right);
        self.band(bottom, Panel::Events, Panel::Spread);
    }

    /// The same bands; the budgets of what is open stand above where its money goes.
    fn entity(&mut self, mut rest: Rect, budgets: usize) {
        let chart = (rest.height * 12 / 30).clamp(9, 18) + u16::from(budgets > 0);
        let charges = (rest.height * 8 / 30).clamp(7, 18);
        let top = take_top(&mut rest, chart);
        let bottom = take_bottom(&mut rest, charges);
        let mut money = self.band(top, Panel::Burn, Panel::Money);
        self.budgets_above(&mut money, budgets);
        self.band(rest, Panel::Left, Panel::Right);
        self.band(bottom, Panel::Charges, Panel::Spread);
    }

    fn session(&mut self, mut rest: Rect, budgets: usize) {
        let chart = (rest.height * 12 / 30).clamp(9, 18);
        let top = take_top(&mut rest, chart);
        self.band(top, Panel::Burn, Panel::Facts);
        let mut money = self.band(rest, Panel::Charges, Panel::Money);
        self.budgets_above(&mut money, budgets);
    }

    fn request(&mut self, mut rest: Rect) {
        let facts = rest.height * 19 / 30;
        let top = take_top(&mut rest, facts);
        let left = top.width * 54 / 120;
        self.panels.push((Panel::Request, Rect { width: left, ..top }));
        self.panels.push((Panel::Terms, Rect { x: top.x + left, width: top.width - left, ..top }));
        self.panels.push((Panel::Origin, rest));
    }

    /// Two panels beside each other; returns the place of the right one.
    fn band(&mut self, band: Rect, left_panel: Panel, right_panel: Panel) -> Rect {
        let right = (band.width * 42 / 120).clamp(40, 76);
        let left = band.width - right;
        self.panels.push((left_panel, Rect { width: left, ..band }));
        let place = Rect { x: band.x + left, width: right, ..band };
        self.panels.push((right_panel, place));
        place
    }

    /// Cuts room for two budgets at most off the panel that was placed last, which keeps at least eight rows.
    fn budgets_above(&mut self, place: &mut Rect, budgets: usize) {
        let wanted = 2 * budgets.min(2) as u16 + 2;
        let room = place.height.saturating_sub(8);
        if budgets == 0 || room < 4 {
            return;
        }
        let above = take_top(place, wanted.min(room));
        if let Some(last) = self.panels.last_mut() {
            last.1 = *place;
        }
        self.panels.push((Panel::Budgets, above));
    }

    fn compact(&mut self, rest: &mut Rect, plan: Plan) {
        let chart = (self.area.height * 7 / 24).clamp(5, 14);
        match plan.page {
            Page::Overview => {
                self.panels.push((Panel::Burn, take_top(rest, chart)));
                self.budget_line = take_top(rest, 1);
            }
            Page::Entity | Page::Session => {
                self.panels.push((Panel::Burn, take_top(rest, chart)));
                self.budget_line = take_top(rest, u16::from(plan.budgets > 0));
            }
            Page::Request => {}
            Page::Alarms => self.panels.push((Panel::Alarm, take_bottom(rest, 8))),
            Page::Drift => self.panels.push((Panel::Finding, take_bottom(rest, 8))),
        }
    }
}

fn list(plan: Plan) -> Panel {
    if plan.focus == Panel::Burn { plan.page.main() } else { plan.focus }
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
            for page in Page::ALL {
                for (alarms, budgets, zoomed) in [(0, 0, false), (1, 1, true), (7, 3, false), (0, 9, false)] {
                    for focus in page.panels(budgets > 0) {
                        let plan = Plan { page, focus: *focus, zoomed, alarms, budgets, speaks: budgets > 1 };
                        let layout = Layout::of(width, height, plan);
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
                        assert!(covered.iter().all(|count| *count == 1), "{width}x{height} {plan:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_panel_that_is_placed_can_have_the_keyboard() {
        for page in Page::ALL {
            for budgets in 0..3 {
                let plan = Plan { page, focus: page.main(), zoomed: false, alarms: 0, budgets, speaks: true };
                for (panel, _) in Layout::of(200, 60, plan).panels() {
                    let is_read = matches!(panel, Panel::Alarm | Panel::Finding);
                    assert!(page.panels(budgets > 0).contains(&panel) || is_read, "{page:?} {panel:?}");
                }
            }
        }
    }

    #[test]
    fn the_full_screen_has_the_rows_of_the_design() {
        let plan = |page: Page| Plan {
            page,
            focus: page.main(),
            zoomed: false,
            alarms: 0,
            budgets: usize::from(page != Page::Overview),
            speaks: false,
        };
        let layout = Layout::of(120, 36, plan(Page::Overview));
        assert_eq!(layout.rows(Panel::Left), 8);
        assert_eq!(layout.rows(Panel::Right), 7);
        assert_eq!(layout.rows(Panel::Budgets), 4);
        assert_eq!(layout.rows(Panel::Events), 5);
        assert_eq!(layout.chart_cells(), 69, "two borders, the scale, and a free column at the right");
        let layout = Layout::of(120, 36, plan(Page::Entity));
        assert_eq!((layout.rows(Panel::Left), layout.rows(Panel::Charges), layout.rows(Panel::Budgets)), (5, 5, 1));
        assert_eq!(Layout::of(80, 24, plan(Page::Entity)).rows(Panel::Left), 8);
        assert_eq!(Layout::of(60, 15, plan(Page::Entity)).rows(Panel::Left), 7);
    }
}
