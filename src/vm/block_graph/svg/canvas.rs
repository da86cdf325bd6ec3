//! SVG of what the layout has placed: boxes, arrows and their texts, and the size that all of it takes.

use std::fmt::Write as _;

use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::Point;
use layout::core::style::StyleAttr;

pub(super) const FONT: usize = 14;
pub(super) const LINE: f64 = 18.0;
/// The width of a letter, as wide as fonts make it.
pub(super) const LETTER: f64 = 8.0;
/// The margin in a box, and around the whole.
pub(super) const MARGIN: f64 = 12.0;

/// Lengths are a few thousand at most.
#[expect(clippy::cast_precision_loss)]
pub(super) fn number(length: usize) -> f64 {
    length as f64
}

/// A drawing as SVG, with its size so far. The layout calls it for each thing that it has placed.
#[derive(Default)]
pub(super) struct Canvas {
    text: String,
    /// What lies above all else.
    labels: String,
    width: f64,
    height: f64,
}

impl Canvas {
    pub(super) fn finish(self) -> String {
        let (width, height) = ((self.width + MARGIN).ceil(), (self.height + MARGIN).ceil());
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"sans-serif\" font-size=\"{FONT}\" text-anchor=\"middle\">\n\
             <defs><marker id=\"arrow\" markerWidth=\"10\" markerHeight=\"8\" refX=\"9\" refY=\"4\" orient=\"auto\">\
             <path d=\"M0 0L10 4L0 8z\"/></marker></defs>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{}{}</svg>\n",
            self.text, self.labels
        )
    }

    fn reaches(&mut self, x: f64, y: f64) {
        self.width = self.width.max(x);
        self.height = self.height.max(y);
    }

    fn add(&mut self, line: std::fmt::Arguments) {
        // A text takes all that is written.
        let _ = writeln!(self.text, "{line}");
    }
}

impl RenderBackend for Canvas {
    fn draw_rect(
        &mut self,
        xy: Point,
        size: Point,
        look: &StyleAttr,
        _: Option<String>,
        _: Option<ClipHandle>,
    ) {
        self.reaches(xy.x + size.x, xy.y + size.y);
        let fill = look
            .fill_color
            .map_or("none".to_owned(), |color| color.to_web_color());
        self.add(format_args!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{}\" fill=\"{fill}\" stroke=\"black\"/>",
            xy.x, xy.y, size.x, size.y, look.rounded
        ));
    }

    fn draw_text(&mut self, xy: Point, text: &str, look: &StyleAttr) {
        let lines: Vec<&str> = text.lines().collect();
        let top = xy.y - number(lines.len()) * LINE / 2.0;
        let is_box = look.fill_color.is_some();
        for (place, line) in lines.iter().enumerate() {
            let y = top + number(place) * LINE + LINE * 0.75;
            let half = number(line.chars().count()) * LETTER / 2.0;
            self.reaches(xy.x + half, y);
            let style = match (is_box, place) {
                (true, 0) => " font-weight=\"bold\"",
                (true, _) => "",
                // What stands on an arrow is to be read all the same.
                (false, _) => " stroke=\"white\" stroke-width=\"5\" paint-order=\"stroke\"",
            };
            let x = xy.x;
            let text = xml(line);
            // The layout draws arrows last, and they would lie above it.
            let _ = writeln!(
                self.labels,
                "<text x=\"{x:.1}\" y=\"{y:.1}\"{style}>{text}</text>"
            );
        }
    }

    fn draw_arrow(
        &mut self,
        path: &[(Point, Point)],
        dashed: bool,
        head: (bool, bool),
        _: &StyleAttr,
        _: Option<String>,
        text: &str,
    ) {
        let mut way = String::new();
        for (place, (first, second)) in path.iter().enumerate() {
            self.reaches(first.x, first.y);
            self.reaches(second.x, second.y);
            let (one, other) = (pair(*first), pair(*second));
            // The first is where it begins and where to, all others how it arrives and where.
            way += &match place {
                0 => format!("M{one} C{other}"),
                1 => format!(" {one} {other}"),
                _ => format!(" S{one} {other}"),
            };
        }
        let stroke = if dashed {
            " stroke-dasharray=\"5,4\""
        } else {
            ""
        };
        let [start, end] = [("start", head.0), ("end", head.1)].map(|(name, is)| {
            if is {
                format!(" marker-{name}=\"url(#arrow)\"")
            } else {
                String::new()
            }
        });
        self.add(format_args!(
            "<path d=\"{way}\" fill=\"none\" stroke=\"black\"{stroke}{start}{end}/>"
        ));
        if let (false, Some((middle, _))) = (text.is_empty(), path.get(path.len() / 2)) {
            self.draw_text(*middle, text, &StyleAttr::simple());
        }
    }

    // Nothing that is drawn here has any.
    fn draw_line(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}
    fn draw_circle(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}
    fn create_clip(&mut self, _: Point, _: Point, _: usize) -> ClipHandle {
        0
    }
}

fn pair(point: Point) -> String {
    format!("{:.1},{:.1}", point.x, point.y)
}

fn xml(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}
