//! Every screen at every size. State and snapshot enter by reference, cells leave; drawing changes nothing else.

mod alarms;
mod budgets;
mod burn;
mod charges;
mod drift;
mod events;
mod footer;
mod header;
mod kpis;
mod lines;
mod meter;
mod money;
mod overlay;
mod spread;
mod tables;
pub mod welcome;

use ratatui::buffer::Buffer;

use super::action::Action;
use super::canvas::Canvas;
use super::layout::{Layout, Panel, Shape};
use super::mouse::Targets;
use super::snapshot::{OpenCharge, Snapshot};
use super::state::State;
use super::theme::Theme;
use crate::engine::view::{LEFT, RIGHT};

/// Everything a part of the screen is drawn from.
#[derive(Clone, Copy)]
struct Scene<'a> {
    state: &'a State,
    snapshot: &'a Snapshot,
    layout: &'a Layout,
}

impl<'a> Scene<'a> {
    fn focused(&self, panel: Panel) -> bool {
        self.state.visit.focus == panel
    }

    /// The window the figures are of; the one asked for may still be on its way.
    fn window(&self) -> &'static str {
        self.snapshot.view.query.window.name()
    }

    /// The figures at hand are of what is open. They are on their way for a moment after something was opened.
    fn is_known(&self) -> bool {
        self.state.arrived && self.state.visit.is_answered(&self.snapshot.view)
    }

    /// What is said where figures are on their way.
    fn waiting(&self) -> &'static str {
        if self.state.arrived { "reading" } else { "loading" }
    }

    /// The charge that is open, once it was found.
    fn open(&self) -> Option<&'a OpenCharge> {
        let wanted = self.state.visit.charge.map(|(id, _)| id);
        self.snapshot.open.as_ref().filter(|open| Some(open.charge.row.id) == wanted)
    }
}

/// Draws one frame over the whole of `buffer`, whatever its size. Returns what a click does where.
pub fn draw(state: &State, snapshot: &Snapshot, theme: &Theme, buffer: &mut Buffer) -> Targets {
    let layout = state.layout(snapshot);
    let scene = Scene { state, snapshot, layout: &layout };
    let mut canvas = Canvas { buffer, theme, targets: Targets::default() };
    canvas.clear(layout.area);
    match layout.shape {
        Shape::Line => meter::line(&mut canvas, scene),
        Shape::Meter => meter::meter(&mut canvas, scene),
        Shape::Full | Shape::Compact | Shape::Small => {
            header::draw(&mut canvas, scene);
            header::banners(&mut canvas, scene);
            kpis::draw(&mut canvas, scene);
            budgets::line(&mut canvas, scene, layout.budget_line);
            for (panel, place) in layout.panels() {
                canvas.targets.add(place, Action::Focus(panel));
                match panel {
                    Panel::Burn => burn::draw(&mut canvas, scene, place),
                    Panel::Budgets => budgets::draw(&mut canvas, scene, place),
                    Panel::Left => tables::wide(&mut canvas, scene, place, LEFT),
                    Panel::Right => tables::narrow(&mut canvas, scene, place, RIGHT),
                    Panel::Events => events::draw(&mut canvas, scene, place),
                    Panel::Spread => spread::draw(&mut canvas, scene, place),
                    Panel::Money => money::draw(&mut canvas, scene, place),
                    Panel::Charges => charges::draw(&mut canvas, scene, place),
                    Panel::Facts | Panel::Request | Panel::Terms | Panel::Origin => {
                        lines::draw(&mut canvas, scene, place, panel);
                    }
                    Panel::Alarms => alarms::list(&mut canvas, scene, place),
                    Panel::Alarm => alarms::detail(&mut canvas, scene, place),
                    Panel::Drift => drift::list(&mut canvas, scene, place),
                    Panel::Finding => drift::detail(&mut canvas, scene, place),
                }
            }
            footer::status(&mut canvas, scene);
            footer::keys(&mut canvas, scene);
        }
    }
    overlay::draw(&mut canvas, scene);
    canvas.targets
}
