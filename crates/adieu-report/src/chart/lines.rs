//! Line charts: light grid, labels at the ends of lines, dashes and markers besides colour.

use maud::{Markup, html};

use super::scale::Scale;
use super::text_width;

/// Pixels of a drawing at its natural size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    width: f64,
    height: f64,
    ticks: usize,
    class: &'static str,
}

const WIDE: Size = Size { width: 800.0, height: 400.0, ticks: 6, class: "wide" };
const NARROW: Size = Size { width: 340.0, height: 300.0, ticks: 4, class: "narrow" };
/// One of several charts beside each other.
pub(crate) const SMALL: Size = Size { width: 400.0, height: 230.0, ticks: 4, class: "small" };

const FONT: f64 = 12.0;
/// Least distance of two labels at line ends.
const LABEL_GAP: f64 = 15.0;

/// One axis.
pub(crate) struct Axis {
    pub(crate) scale: Scale,
    /// With the unit.
    pub(crate) title: String,
    /// Text of a tick.
    pub(crate) tick: fn(f64) -> String,
}

/// One line.
pub(crate) struct Series {
    /// At its end; empty for none.
    pub(crate) label: String,
    /// CSS class with its colour.
    pub(crate) class: String,
    /// Which of the dash patterns; 0 is solid.
    pub(crate) dash: usize,
    /// Which marker shape.
    pub(crate) marker: usize,
    /// Thin and pale: one seed among several.
    pub(crate) faint: bool,
    /// How it is drawn.
    pub(crate) drawn: Drawn,
    /// By rising x.
    pub(crate) points: Vec<(f64, f64)>,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Drawn {
    /// A line, with markers where there are few points.
    #[default]
    Curve,
    /// A line without markers.
    Plain,
    /// Markers without a line.
    Marks,
}

/// What happened meanwhile, behind the lines; all in units of x.
#[derive(Clone, Debug, Default)]
pub(crate) struct Behind {
    /// Shaded from, to.
    pub(crate) shades: Vec<(f64, f64)>,
    /// Short lines at the axis.
    pub(crate) ticks: Vec<f64>,
    /// Dotted lines from top to bottom.
    pub(crate) marks: Vec<f64>,
}

/// A line chart.
pub(crate) struct Lines {
    /// Unique on the page.
    pub(crate) id: String,
    /// What it shows.
    pub(crate) title: String,
    /// What it says, for those who cannot see it.
    pub(crate) description: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
    /// A line across, and its name.
    pub(crate) reference: Option<(f64, &'static str)>,
    pub(crate) behind: Behind,
}

/// Where the plot lies in the drawing.
struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Frame {
    fn bottom(&self) -> f64 {
        self.top + self.height
    }

    fn right(&self) -> f64 {
        self.left + self.width
    }
}

impl Lines {
    /// Drawn for wide and for narrow screens.
    pub(crate) fn responsive(&self) -> Markup {
        html! { (self.svg(WIDE)) (self.svg(NARROW)) }
    }

    /// Drawn once.
    pub(crate) fn svg(&self, size: Size) -> Markup {
        let id = format!("{}-{}", self.id, size.class);
        let frame = self.frame(size);
        html! {
            svg class={ "lines " (size.class) } viewBox={ "0 0 " (size.width) " " (size.height) } role="img"
                aria-labelledby={ (id) "-t " (id) "-d" } {
                title id={ (id) "-t" } { (self.title) }
                desc id={ (id) "-d" } { (self.description) }
                (self.meanwhile(&frame))
                (self.axes(&frame, size))
                @for series in self.series.iter().filter(|s| s.faint) { (self.line(series, &frame)) }
                @for series in self.series.iter().filter(|s| !s.faint) { (self.line(series, &frame)) }
                (self.labels(&frame))
            }
        }
    }

    fn frame(&self, size: Size) -> Frame {
        let ticks = self.y.scale.ticks(size.ticks);
        let left = ticks.iter().map(|&t| text_width(&(self.y.tick)(t), FONT)).fold(0.0, f64::max) + 10.0;
        let labels = self.series.iter().map(|s| text_width(&s.label, FONT)).fold(0.0, f64::max);
        let right = if labels > 0.0 { labels + 14.0 } else { 12.0 };
        let (top, bottom) = (34.0, 42.0);
        Frame { left, top, width: size.width - left - right, height: size.height - top - bottom }
    }

    fn at(&self, frame: &Frame, (x, y): (f64, f64)) -> (f64, f64) {
        (
            frame.left + self.x.scale.place(x) * frame.width,
            frame.bottom() - self.y.scale.place(y) * frame.height,
        )
    }

    fn meanwhile(&self, frame: &Frame) -> Markup {
        let x = |value: f64| frame.left + self.x.scale.place(value) * frame.width;
        let (top, bottom) = (frame.top, frame.bottom());
        html! {
            @for &(from, to) in &self.behind.shades {
                // What is too short to be seen is drawn a hair wide.
                rect class="shade" x=(px(x(from))) width=(px((x(to) - x(from)).max(0.5))) y=(px(top))
                    height=(px(frame.height)) {}
            }
            @for &at in &self.behind.marks {
                line class="reference" x1=(px(x(at))) x2=(px(x(at))) y1=(px(top)) y2=(px(bottom)) {}
            }
            @for &at in &self.behind.ticks {
                line class="axis" x1=(px(x(at))) x2=(px(x(at))) y1=(px(bottom - 5.0)) y2=(px(bottom)) {}
            }
        }
    }

    fn axes(&self, frame: &Frame, size: Size) -> Markup {
        let (bottom, right) = (frame.bottom(), frame.right());
        html! {
            @for tick in self.y.scale.ticks(size.ticks) {
                @let y = frame.bottom() - self.y.scale.place(tick) * frame.height;
                line class="grid" x1=(px(frame.left)) x2=(px(right)) y1=(px(y)) y2=(px(y)) {}
                text class="tick" x=(px(frame.left - 7.0)) y=(px(y + 4.0)) text-anchor="end" { ((self.y.tick)(tick)) }
            }
            @for tick in self.x.scale.ticks(size.ticks) {
                @let x = frame.left + self.x.scale.place(tick) * frame.width;
                line class="axis" x1=(px(x)) x2=(px(x)) y1=(px(bottom)) y2=(px(bottom + 4.0)) {}
                text class="tick" x=(px(x)) y=(px(bottom + 17.0)) text-anchor="middle" { ((self.x.tick)(tick)) }
            }
            line class="axis" x1=(px(frame.left)) x2=(px(right)) y1=(px(bottom)) y2=(px(bottom)) {}
            text class="title" x="0" y="13" { (self.y.title) }
            text class="title" x=(px(right)) y=(px(bottom + 35.0)) text-anchor="end" { (self.x.title) }
            @if let Some((value, name)) = self.reference {
                @let y = frame.bottom() - self.y.scale.place(value) * frame.height;
                line class="reference" x1=(px(frame.left)) x2=(px(right)) y1=(px(y)) y2=(px(y)) {}
                text class="tick halo" x=(px(right)) y=(px(y - 5.0)) text-anchor="end" { (name) }
            }
        }
    }

    fn line(&self, series: &Series, frame: &Frame) -> Markup {
        let places: Vec<(f64, f64)> = series.points.iter().map(|&p| self.at(frame, p)).collect();
        let path: Vec<String> = places.iter().map(|(x, y)| format!("{} {}", px(*x), px(*y))).collect();
        let faint = if series.faint { " faint" } else { "" };
        let marked = match series.drawn {
            Drawn::Curve => !series.faint && series.points.len() <= 40,
            Drawn::Plain => false,
            Drawn::Marks => true,
        };
        html! {
            @if series.drawn != Drawn::Marks {
                path class={ "line " (series.class) " dash" (series.dash % 4) (faint) } d={ "M" (path.join("L")) } {}
            }
            @if marked {
                @for (place, point) in places.iter().zip(&series.points) {
                    path class={ "marker " (series.class) (faint) } d=(marker(series.marker, *place)) {
                        title {
                            @if series.drawn == Drawn::Marks && !series.label.is_empty() { (series.label) ": " }
                            ((self.x.tick)(point.0)) " · " (self.exact(point.1))
                        }
                    }
                }
            }
        }
    }

    /// Ticks are coarse; what the pointer shows has one digit more where the axis is in percent.
    fn exact(&self, y: f64) -> String {
        if (self.y.tick)(0.5).ends_with('%') {
            crate::format::percent(y)
        } else {
            crate::format::significant(y, 3)
        }
    }

    /// Labels at the ends of lines, moved apart where they would overlap.
    fn labels(&self, frame: &Frame) -> Markup {
        let mut labels: Vec<(f64, f64, &Series)> = self
            .series
            .iter()
            .filter(|s| !s.label.is_empty())
            .filter_map(|s| s.points.last().map(|&p| (self.at(frame, p), s)))
            .map(|((x, y), s)| (x, y, s))
            .collect();
        labels.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut places: Vec<f64> = labels.iter().map(|l| l.1).collect();
        spread(&mut places, LABEL_GAP, frame.top, frame.bottom());
        html! {
            @for ((x, _, series), y) in labels.iter().zip(&places) {
                text class={ "label halo " (series.class) } x=(px(x + 9.0)) y=(px(y + 4.0)) { (series.label) }
            }
        }
    }
}

/// Moves rising places apart until each two are `gap` apart, within `[lo, hi]` where there is room.
fn spread(places: &mut [f64], gap: f64, lo: f64, hi: f64) {
    for i in 1..places.len() {
        places[i] = places[i].max(places[i - 1] + gap);
    }
    let Some(last) = places.last_mut() else { return };
    *last = last.min(hi);
    for i in (1..places.len()).rev() {
        places[i - 1] = places[i - 1].min(places[i] - gap);
    }
    // Nothing may leave at the top; if there is no room for all, the lowest give way.
    let mut floor = lo;
    for place in places {
        *place = place.max(floor);
        floor = *place + gap;
    }
}

/// A short piece of a line with its marker, for a key.
pub(crate) fn swatch(class: &str, dash: usize, shape: usize) -> Markup {
    html! {
        svg viewBox="0 0 34 13" aria-hidden="true" {
            path class={ "line " (class) " dash" (dash % 4) } d="M1 6.5H33" {}
            path class={ "marker " (class) } d=(marker(shape, (17.0, 6.5))) {}
        }
    }
}

/// Outline of a marker around a place: circle, square, triangle, diamond.
fn marker(shape: usize, (x, y): (f64, f64)) -> String {
    let at = |dx: f64, dy: f64| format!("{} {}", px(x + dx), px(y + dy));
    match shape % 4 {
        0 => format!("M{}a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0 -6.4 0Z", at(-3.2, 0.0)),
        1 => format!("M{}h5.6v5.6h-5.6Z", at(-2.8, -2.8)),
        2 => format!("M{}L{}L{}Z", at(0.0, -3.8), at(3.6, 2.8), at(-3.6, 2.8)),
        _ => format!("M{}L{}L{}L{}Z", at(0.0, -4.0), at(4.0, 0.0), at(0.0, 4.0), at(-4.0, 0.0)),
    }
}

/// Pixels with one decimal: enough for a screen, short in the page.
fn px(v: f64) -> String {
    let text = format!("{v:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn labels_never_overlap(mut places in prop::collection::vec(0.0_f64..300.0, 0..12)) {
            places.sort_by(f64::total_cmp);
            spread(&mut places, 15.0, 0.0, 300.0);
            prop_assert!(places.windows(2).all(|w| w[1] - w[0] >= 15.0 - 1e-9), "{places:?}");
            prop_assert!(places.iter().all(|p| (0.0..=300.0).contains(p)), "{places:?}");
        }
    }
}
