//! Which panel stands where. A size and what is open enter, rectangles leave; no size is refused.

mod place;

use ratatui::layout::Rect;

/// What a screen is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Page {
    /// Everything.
    Overview,
    /// One value of a dimension: a model, a user, a project.
    Entity,
    /// One session and its turns.
    Session,
    /// One charge.
    Request,
    /// All alarms.
    Alarms,
    /// Reported against computed costs.
    Drift,
}

impl Page {
    /// Every page.
    pub const ALL: [Page; 6] = [Page::Overview, Page::Entity, Page::Session, Page::Request, Page::Alarms, Page::Drift];

    /// Its panels in the order of the tab key; `budgets`: there is a budget for what is open.
    #[must_use]
    pub const fn panels(self, budgets: bool) -> &'static [Panel] {
        use Panel::{
            Alarms, Budgets, Burn, Charges, Drift, Events, Facts, Left, Money, Origin, Request, Right, Spread, Terms,
        };
        match (self, budgets) {
            (Page::Overview, _) => &[Burn, Budgets, Left, Right, Events, Spread],
            (Page::Entity, false) => &[Burn, Money, Left, Right, Charges, Spread],
            (Page::Entity, true) => &[Burn, Budgets, Money, Left, Right, Charges, Spread],
            (Page::Session, false) => &[Burn, Facts, Charges, Money],
            (Page::Session, true) => &[Burn, Facts, Charges, Budgets, Money],
            (Page::Request, _) => &[Request, Terms, Origin],
            (Page::Alarms, _) => &[Alarms],
            (Page::Drift, _) => &[Drift],
        }
    }

    /// The panel that has the keyboard first, and that stands where only one fits.
    #[must_use]
    pub const fn main(self) -> Panel {
        match self {
            Page::Overview | Page::Entity => Panel::Left,
            Page::Session => Panel::Charges,
            Page::Request => Panel::Request,
            Page::Alarms => Panel::Alarms,
            Page::Drift => Panel::Drift,
        }
    }
}

/// A part of a screen that can have the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Panel {
    /// Dollars per hour over the window.
    Burn,
    /// Limits and how they stand.
    Budgets,
    /// The first table; on the overview by model.
    Left,
    /// The second table; on the overview by user.
    Right,
    /// Notable things.
    Events,
    /// What single requests cost.
    Spread,
    /// Where the money goes, by token class.
    Money,
    /// What is known of a session.
    Facts,
    /// Single charges; the turns of a session.
    Charges,
    /// What is known of a charge.
    Request,
    /// How a charge was priced, term by term.
    Terms,
    /// The records and the line a charge came from.
    Origin,
    /// Alarms.
    Alarms,
    /// The selected alarm, in full.
    Alarm,
    /// Models whose reported and computed costs are compared.
    Drift,
    /// The selected one, in full, and its providers.
    Finding,
}

impl Panel {
    /// The word of its title; tables are named after their rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Panel::Burn => "burn",
            Panel::Budgets => "budgets",
            Panel::Left | Panel::Right => "table",
            Panel::Events => "events",
            Panel::Spread => "cost per request",
            Panel::Money => "where the money goes",
            Panel::Facts => "session",
            Panel::Charges => "requests",
            Panel::Request => "request",
            Panel::Terms => "how it was priced",
            Panel::Origin => "where it stands",
            Panel::Alarms => "alarms",
            Panel::Alarm => "alarm",
            Panel::Drift => "drift",
            Panel::Finding => "finding",
        }
    }
}

/// How much fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// All panels.
    Full,
    /// A chart and one list.
    Compact,
    /// Figures and one list.
    Small,
    /// A few lines of figures.
    Meter,
    /// One line.
    Line,
}

/// What a layout depends on besides the size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What the screen is about.
    pub page: Page,
    /// The panel with the keyboard.
    pub focus: Panel,
    /// It stands alone.
    pub zoomed: bool,
    /// Alarms that ring.
    pub alarms: usize,
    /// Budgets for what is open.
    pub budgets: usize,
    /// The status line says something that must be seen at every size: a path, a filter, what is wrong with the state.
    pub speaks: bool,
}

/// Rectangles of one frame.
#[derive(Clone, Debug)]
pub struct Layout {
    /// How much fits.
    pub shape: Shape,
    /// What the screen is about.
    pub page: Page,
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

impl Layout {
    /// Panels that are drawn, and where.
    pub fn panels(&self) -> impl Iterator<Item = (Panel, Rect)> {
        self.panels.iter().copied()
    }

    /// Where a panel is drawn; a list that is not drawn now would be drawn where another list is.
    fn place(&self, panel: Panel) -> Option<Rect> {
        let drawn = self.panels.iter().find(|(other, _)| *other == panel);
        let list = || {
            self.panels.iter().rev().find(|(other, _)| !matches!(other, Panel::Burn | Panel::Alarm | Panel::Finding))
        };
        drawn.or_else(list).map(|(_, place)| *place)
    }

    /// Whether a panel can have the keyboard at this size.
    #[must_use]
    pub fn offers(&self, panel: Panel) -> bool {
        match self.shape {
            Shape::Full => self.panels.len() == 1 || self.panels.iter().any(|(drawn, _)| *drawn == panel),
            Shape::Compact => true,
            Shape::Small => panel != Panel::Burn,
            Shape::Meter | Shape::Line => false,
        }
    }

    /// Columns inside a panel, the blank ones at its sides left out.
    #[must_use]
    pub fn width(&self, panel: Panel) -> usize {
        self.place(panel).map_or(0, |place| usize::from(place.width.saturating_sub(4)))
    }

    /// Rows of a list that are in sight: without border, heading and sums.
    #[must_use]
    pub fn rows(&self, panel: Panel) -> usize {
        if self.shape == Shape::Meter {
            return usize::from(self.area.height);
        }
        let besides = match panel {
            Panel::Left => 4,
            Panel::Right => 5,
            Panel::Budgets | Panel::Charges | Panel::Alarms | Panel::Drift => 3,
            _ => 2,
        };
        let rows = self.place(panel).map_or(0, |place| usize::from(place.height.saturating_sub(besides)));
        if panel == Panel::Budgets { self.budget_rows(rows) } else { rows }
    }

    /// Two rows each; the legend below them goes before a budget does.
    fn budget_rows(&self, rows: usize) -> usize {
        if self.page == Page::Overview { rows / 2 } else { rows.div_ceil(2) }
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
