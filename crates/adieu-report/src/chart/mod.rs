//! Charts: scales with nice ticks, line charts, and bars. Inline SVG, coloured by CSS variables only.
//!
//! A line chart is drawn twice, for wide and for narrow screens, and the style sheet shows one of them: text
//! then has its own size on a phone too. Bars are laid out in percent and need one drawing.

pub(crate) mod bars;
pub(crate) mod dots;
pub(crate) mod lines;
pub(crate) mod scale;

/// CSS class that sets the colour of the `i`-th group.
pub(crate) fn group_class(i: usize) -> String {
    format!("g{}", i % GROUP_COLOURS)
}

/// Colours for groups in the style sheet.
pub(crate) const GROUP_COLOURS: usize = 6;

/// Width of `text` in a sans-serif of `size` pixels, roughly and rather too wide.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.62
}
