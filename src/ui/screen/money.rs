//! Where the money of what is open goes:
//! ```text
//! CLASS        TOKENS   $/M        $  SHARE
//! output        42.5k    75     3.19    40%
//! cache read    1.02M  1.50     1.53    19%
//! total                         7.86
//! without cache it would be $21.49
//! ━━━━━━━━━━━──────────────────       −63 %
//! ```

use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::Scene;
use crate::engine::view::{ClassSum, Split, TokenClass};
use crate::money::Money;
use crate::ui::canvas::Canvas;
use crate::ui::layout::Panel;
use crate::ui::text::{self, UNKNOWN};
use crate::ui::theme::Role;
use crate::ui::widget::{bar, panel, stack};

/// Columns between the end of a number and the right border: tokens, rate, dollars.
#[derive(Clone, Copy)]
struct Ends {
    tokens: u16,
    rate: u16,
    dollars: u16,
}

impl Ends {
    fn of(width: u16) -> Ends {
        if width >= 48 { Ends { tokens: 27, rate: 18, dollars: 7 } } else { Ends { tokens: 19, rate: 13, dollars: 6 } }
    }

    /// Room for an amount.
    fn amount(self) -> u16 {
        self.rate - self.dollars - 1
    }
}

pub(super) fn draw(canvas: &mut Canvas<'_>, scene: Scene<'_>, place: Rect) {
    let theme = canvas.theme;
    let title = [(Panel::Money.name(), theme.style(Role::Title).add_modifier(Modifier::BOLD))];
    let right = [(scene.window(), theme.style(Role::Dim))];
    let inside = panel::panel(canvas, place, &title, &right, scene.focused(Panel::Money));
    if inside.width < 34 {
        return;
    }
    let place = Rect { x: inside.x + 1, width: inside.width - 2, ..inside };
    let split = scene.snapshot.view.split.as_ref().filter(|_| scene.is_known());
    let Some(split) = split else {
        canvas.role(place.x, place.y, place.width, scene.waiting(), Role::Dim);
        return;
    };
    let (end, ends) = (place.right(), Ends::of(place.width));
    for (label, at) in
        [("TOKENS", end - ends.tokens), ("$/M", end - ends.rate), ("$", end - ends.dollars), ("SHARE", end)]
    {
        canvas.role_right(at, place.y, 7, label, Role::Dim);
    }
    canvas.role(place.x, place.y, 11, "CLASS", Role::Dim);
    let total = scene.snapshot.view.window.cost();
    let mut y = place.y + 1;
    for class in TokenClass::ALL {
        let sum = &split.classes[class as usize];
        if sum.tokens != 0 && y < place.bottom() {
            one(canvas, Rect { y, height: 1, ..place }, class, sum, total);
            y += 1;
        }
    }
    below(canvas, Rect { y, height: place.bottom().saturating_sub(y), ..place }, split, total);
}

fn one(canvas: &mut Canvas<'_>, row: Rect, class: TokenClass, sum: &ClassSum, total: Money) {
    let (end, y, ends) = (row.right(), row.y, Ends::of(row.width));
    let (glyph, style) = stack::look(canvas.theme, class);
    canvas.cell(row.x, y, glyph, style);
    canvas.role(row.x + 2, y, row.width.saturating_sub(ends.tokens + 7), class.name(), Role::Text);
    canvas.role_right(end - ends.tokens, y, 6, &text::count(sum.tokens), Role::Text);
    canvas.role_right(end - ends.rate, y, 6, &sum.rate.map_or_else(|| UNKNOWN.to_owned(), per_million), Role::Dim);
    canvas.put_right(
        end - ends.dollars,
        y,
        ends.amount(),
        &text::amount(sum.list, usize::from(ends.amount())),
        canvas.theme.figure(),
    );
    canvas.role_right(end, y, 5, &share(sum.list, total), Role::Dim);
}

fn share(part: Money, total: Money) -> String {
    if total.pico() <= 0 {
        return UNKNOWN.to_owned();
    }
    format!("{}%", text::percent(part.to_f64() / total.to_f64()))
}

/// Pico-dollars per token are micro-dollars per million tokens.
fn per_million(rate: u64) -> String {
    let (dollars, micro) = (rate / 1_000_000, rate % 1_000_000);
    let fraction = format!("{micro:06}");
    let fraction = fraction.trim_end_matches('0');
    match fraction.len() {
        0 if dollars >= 100 => format!("{dollars}"),
        _ => format!("{dollars}.{fraction:0<2}"),
    }
}

/// What is left beyond list prices, the total, what caching did, and the price in use; the most important first where rows are short.
fn below(canvas: &mut Canvas<'_>, mut place: Rect, split: &Split, total: Money) {
    let (x, width, end) = (place.x, place.width, place.right());
    let ends = Ends::of(width);
    let take = |place: &mut Rect| {
        let y = place.y;
        (place.height > 0).then(|| {
            place.y += 1;
            place.height -= 1;
            y
        })
    };
    if split.rest != Money::ZERO
        && place.height > 1
        && let Some(y) = take(&mut place)
    {
        canvas.role(x, y, width, "beyond list prices", Role::Text);
        canvas.put_right(
            end - ends.dollars,
            y,
            ends.amount(),
            &text::amount(split.rest, usize::from(ends.amount())),
            canvas.theme.figure(),
        );
        canvas.role_right(end, y, 5, &share(split.rest, total), Role::Dim);
    }
    if let Some(y) = take(&mut place) {
        canvas.role(x, y, width, "total", Role::Dim);
        canvas.put_right(
            end - ends.dollars,
            y,
            ends.amount(),
            &text::amount(total, usize::from(ends.amount())),
            canvas.theme.figure(),
        );
    }
    let uncached = total + split.saved;
    if split.saved.pico() > 0 && total.pico() > 0 {
        if let Some(y) = take(&mut place) {
            let words = format!("without cache it would be {}", text::dollars(uncached));
            canvas.role(x, y, width, &words, Role::Good);
        }
        if let Some(y) = take(&mut place) {
            let part = total.to_f64() / uncached.to_f64();
            let good = canvas.theme.style(Role::Good);
            bar::thin(canvas, x, y, width.saturating_sub(7), part, None, good);
            canvas.put_right(end, y, 6, &format!("−{} %", text::percent(1.0 - part)), good);
        }
    } else if split.saved.pico() < 0
        && let Some(y) = take(&mut place)
    {
        let words = format!("◆ caching cost {} net", text::dollars(-split.saved));
        canvas.role(x, y, width, &words, Role::Warn);
    }
    for price in &split.prices {
        let price = crate::label::clean(price);
        let lines = text::wrap(&price, usize::from(width));
        // A sentence that does not fit whole is cut in one line.
        let lines = if lines.len() > usize::from(place.height) { vec![price.into_owned()] } else { lines };
        for line in lines {
            if let Some(y) = take(&mut place) {
                canvas.role(x, y, width, &line, Role::Dim);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_dollars_per_million() {
        for (rate, text) in
            [(15_000_000, "15.00"), (75_000, "0.075"), (1_500_000, "1.50"), (150_000_000, "150"), (0, "0.00")]
        {
            assert_eq!(per_million(rate), text);
        }
    }
}
