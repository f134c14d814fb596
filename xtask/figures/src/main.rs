//! Draws ASCII drawings as SVG: a drawing on standard input, or several that each end with a NUL byte, and as many
//! SVG documents on standard output, each with a NUL byte behind it.

use std::io::{self, Read, Write};

use svgbob::Settings;

fn main() -> io::Result<()> {
    let mut drawings = String::new();
    io::stdin().read_to_string(&mut drawings)?;
    let mut output = io::stdout().lock();
    for art in drawings.split_terminator('\0') {
        write!(output, "{}\0", draw(art))?;
    }
    output.flush()
}

fn draw(art: &str) -> String {
    let settings = Settings {
        // The page's style sheet colours it, in light and in dark.
        include_styles: false,
        include_backdrop: false,
        ..Settings::default()
    };
    let svg = svgbob::to_svg_with_settings(art, &settings);
    let svg = with_view_box(&with_room_for_text(&svg, art, settings.scale));
    // A blank line would end the HTML block of a page.
    let svg: Vec<&str> = svg.lines().filter(|line| !line.trim().is_empty()).collect();
    svg.join("\n")
}

/// svgbob leaves quoted text out when it measures a picture, so text at the right or below all shapes would be cut
/// off. A character is `scale` wide and twice as high.
fn with_room_for_text(svg: &str, art: &str, scale: f32) -> String {
    let cells = |count: usize| f32::from(u16::try_from(count + 1).unwrap_or(u16::MAX));
    let columns = art.lines().map(|line| line.trim_end().chars().count()).max().unwrap_or(0);
    let rows = art.trim_end().lines().count();
    let wider = at_least(svg, " width=\"", cells(columns) * scale);
    at_least(&wider, " height=\"", cells(rows) * scale * 2.0)
}

/// With it a picture can be made smaller, on paper.
fn with_view_box(svg: &str) -> String {
    let number = |attribute| {
        let (_, rest) = svg.split_once(attribute)?;
        rest.split_once('"').map(|(number, _)| number)
    };
    match (number(" width=\""), number(" height=\"")) {
        (Some(width), Some(height)) => {
            svg.replacen("<svg ", &format!("<svg viewBox=\"0 0 {width} {height}\" "), 1)
        }
        _ => svg.to_string(),
    }
}

/// Makes the number behind the first `attribute` as large as `least`.
fn at_least(svg: &str, attribute: &str, least: f32) -> String {
    let parts = svg.split_once(attribute).and_then(|(before, rest)| {
        let (number, after) = rest.split_once('"')?;
        Some((before, number.parse::<f32>().ok()?, after))
    });
    match parts {
        Some((before, number, after)) => {
            format!("{before}{attribute}{}\"{after}", number.max(least))
        }
        None => svg.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_becomes_svg_without_blank_lines() {
        let svg = draw("+--+\n|  |\n+--+\n");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"), "{svg}");
        assert!(svg.lines().all(|line| !line.trim().is_empty()), "{svg}");
    }

    /// An earlier version measured only shapes, so text was clipped.
    #[test]
    fn text_beside_the_last_shape_is_not_cut_off() {
        let svg = draw("+--+\n|  |  \"and some text\"\n+--+\n");
        assert!(svg.contains(" width=\"176\""), "{svg}");
        assert!(svg.contains(" viewBox=\"0 0 176 "), "{svg}");
    }
}
