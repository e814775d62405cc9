//! The overview at every size. State and snapshot enter by reference, cells leave; drawing changes nothing else.

mod budgets;
mod burn;
mod events;
mod footer;
mod header;
mod kpis;
mod meter;
mod overlay;
mod spread;
mod tables;

use ratatui::buffer::Buffer;

use super::canvas::Canvas;
use super::layout::{Layout, Panel, Shape};
use super::snapshot::Snapshot;
use super::state::State;
use super::theme::Theme;

/// Everything a part of the screen is drawn from.
#[derive(Clone, Copy)]
struct Scene<'a> {
    state: &'a State,
    snapshot: &'a Snapshot,
    layout: &'a Layout,
}

impl Scene<'_> {
    fn focused(&self, panel: Panel) -> bool {
        self.state.visit.focus == panel
    }

    /// The window the figures are of; the one asked for may still be on its way.
    fn window(&self) -> &'static str {
        self.snapshot.view.query.window.name()
    }
}

/// Draws one frame over the whole of `buffer`, whatever its size.
pub fn draw(state: &State, snapshot: &Snapshot, theme: &Theme, buffer: &mut Buffer) {
    let layout = state.layout(snapshot);
    let scene = Scene { state, snapshot, layout: &layout };
    let mut canvas = Canvas { buffer, theme };
    match layout.shape {
        Shape::Line => meter::line(&mut canvas, scene),
        Shape::Meter => meter::meter(&mut canvas, scene),
        Shape::Full | Shape::Compact | Shape::Small => {
            header::draw(&mut canvas, scene);
            header::banners(&mut canvas, scene);
            kpis::draw(&mut canvas, scene);
            budgets::line(&mut canvas, scene, layout.budget_line);
            for (panel, place) in layout.panels() {
                match panel {
                    Panel::Burn => burn::draw(&mut canvas, scene, place),
                    Panel::Budgets => budgets::draw(&mut canvas, scene, place),
                    Panel::Models => tables::models(&mut canvas, scene, place),
                    Panel::Users => tables::users(&mut canvas, scene, place),
                    Panel::Events => events::draw(&mut canvas, scene, place),
                    Panel::Spread => spread::draw(&mut canvas, scene, place),
                }
            }
            footer::status(&mut canvas, scene);
            footer::keys(&mut canvas, scene);
        }
    }
    overlay::draw(&mut canvas, scene);
}
