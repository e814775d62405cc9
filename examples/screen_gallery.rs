//! Shows the screens on one fixed moment, without logs or engine: `cargo run --example screen_gallery [busy|alarm|empty|nameless|loading]`.
//!
//! For looking at themes and sizes. Every screen can be opened; `NO_COLOR=1` shows it without colours.

#[path = "../tests/support/drilled.rs"]
#[allow(dead_code, reason = "the gallery shows some of the sample's moments")]
mod drilled;
#[path = "../tests/support/screen.rs"]
#[allow(dead_code, reason = "the gallery shows some of the sample's moments")]
mod sample;

use std::sync::Arc;
use std::thread;

use costtop::engine::view::{ViewQuery, Window};
use costtop::time::Zone;
use costtop::ui::action::Effect;
use costtop::ui::theme::{ColorChoice, Depth, Theme};
use costtop::ui::{Options, UiError, run};
use crossbeam_channel::unbounded;

fn main() -> Result<(), UiError> {
    let which = std::env::args().nth(1).unwrap_or_default();
    let snapshot = match which.as_str() {
        "alarm" => Some(drilled::many_alarms()),
        "empty" => Some(sample::empty()),
        "nameless" => Some(sample::with_nameless()),
        "loading" => None,
        _ => Some(sample::busy()),
    };
    let depth = Depth::detect(ColorChoice::Auto, |name| std::env::var(name).ok());
    let options = Options {
        theme: Theme::midnight(depth),
        zone: Zone::UTC,
        window: Window::M15,
        clock: sample::now,
        own: Vec::new(),
    };
    let (send_snapshot, snapshots) = unbounded();
    let (send_effect, effects) = unbounded();
    let (send_ring, rings) = unbounded();
    if let Some(mut base) = snapshot {
        let _ = send_snapshot.send(Arc::new(base.clone()));
        thread::spawn(move || {
            let (mut query, mut charge) = (ViewQuery::default(), None);
            for effect in effects {
                match effect {
                    Effect::Query(asked) => query = asked,
                    Effect::Charge(asked) => charge = asked,
                    Effect::Mute(muted) => base.bell.muted = muted,
                    Effect::Acknowledge(_) | Effect::Snooze(..) => {
                        let _ = send_ring.send(());
                        continue;
                    }
                    Effect::Quit => return,
                }
                if send_snapshot.send(Arc::new(drilled::answer(&base, &query, charge))).is_err() {
                    return;
                }
            }
        });
        run(options, &snapshots, &send_effect, &rings)?;
    } else {
        run(options, &snapshots, &send_effect, &rings)?;
        drop(send_snapshot);
    }
    Ok(())
}
