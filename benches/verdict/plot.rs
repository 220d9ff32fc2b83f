//! One plot: share of false rollbacks against time to detect, every rule and setting.

use std::fmt::Write;

/// One point: false rollbacks (share), minutes to detect, name, colour.
pub struct Point {
    pub false_rollbacks: f64,
    pub minutes: f64,
    pub name: String,
    pub family: &'static str,
    pub ours: bool,
}

const LEFT: f64 = 70.0;
const TOP: f64 = 50.0;
const WIDTH: f64 = 700.0;
const HEIGHT: f64 = 400.0;
const SMALLEST: f64 = 0.0002;
const LONGEST: f64 = 30.0;

/// An SVG with both axes, the budget as a line, and every point; points of one family share a colour.
pub fn svg(title: &str, points: &[Point], budget: f64) -> String {
    let x =
        |share: f64| LEFT + WIDTH * (share.max(SMALLEST) / SMALLEST).ln() / (1.0 / SMALLEST).ln();
    let y = |minutes: f64| TOP + HEIGHT * (1.0 - minutes / LONGEST);
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 530\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"960\" height=\"530\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"28\" font-size=\"15\">{title}</text>\n\
         <rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{HEIGHT}\" fill=\"#eaf5ea\"/>\n",
        x(budget) - LEFT
    );
    for share in [0.001, 0.01, 0.1, 1.0] {
        let at = x(share);
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{:.1}\" stroke=\"#ddd\"/><text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{} %</text>",
            TOP + HEIGHT,
            TOP + HEIGHT + 18.0,
            share * 100.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"{:.1}\" text-anchor=\"middle\">0</text>",
        TOP + HEIGHT + 18.0
    );
    for minutes in [0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0] {
        let at = y(minutes);
        let label = if minutes < LONGEST {
            format!("{minutes}")
        } else {
            "never".to_owned()
        };
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            LEFT + WIDTH,
            LEFT - 8.0,
            at + 4.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">healthy releases rolled back (logarithmic; left of the edge of the green area: within the budget)</text>\n\
         <text transform=\"translate(18 {:.1}) rotate(-90)\" text-anchor=\"middle\">median minutes to detect the fault</text>",
        LEFT + WIDTH / 2.0,
        TOP + HEIGHT + 44.0,
        TOP + HEIGHT / 2.0
    );
    let mut families: Vec<&str> = Vec::new();
    for point in points {
        if !families.contains(&point.family) {
            families.push(point.family);
        }
        let colour = colour(&families, point.family);
        let radius = if point.ours { 8 } else { 5 };
        let _ = writeln!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius}\" fill=\"{colour}\" fill-opacity=\"0.8\"><title>{}: {:.2} % rolled back falsely, {} min</title></circle>",
            x(point.false_rollbacks),
            y(point.minutes),
            point.name,
            point.false_rollbacks * 100.0,
            point.minutes
        );
    }
    for (index, family) in families.iter().enumerate() {
        let at = TOP + 14.0 + 22.0 * index as f64;
        let _ = writeln!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{at:.1}\" r=\"6\" fill=\"{}\"/><text x=\"{:.1}\" y=\"{:.1}\">{family}</text>",
            LEFT + WIDTH + 16.0,
            colour(&families, family),
            LEFT + WIDTH + 28.0,
            at + 4.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn colour(families: &[&str], family: &str) -> &'static str {
    const COLOURS: [&str; 5] = ["#1a7f37", "#cf222e", "#9a6700", "#0969da", "#8250df"];
    let index = families.iter().position(|f| *f == family).unwrap_or(0);
    COLOURS[index % COLOURS.len()]
}
