//! ASCII drawings become SVG.

use anyhow::{Result, bail};
use svgbob::Settings;

/// Draws a picture. `info` is what stands behind the fence: `svgbob alt="…"`.
pub(crate) fn render(info: &str, art: &str) -> Result<String> {
    let alt = info
        .split_once("alt=\"")
        .and_then(|(_, rest)| rest.rsplit_once('"'))
        .map(|(alt, _)| alt.trim());
    let Some(alt) = alt.filter(|alt| !alt.is_empty()) else {
        bail!("a picture needs a text for those who cannot see it: ```svgbob alt=\"…\"");
    };
    let settings = Settings {
        // The page's style sheet colours it, in light and in dark.
        include_styles: false,
        include_backdrop: false,
        ..Settings::default()
    };
    let svg = svgbob::to_svg_with_settings(art, &settings);
    let svg = with_view_box(&with_room_for_text(&svg, art, settings.scale));
    // A blank line would end the HTML block.
    let svg: Vec<&str> = svg.lines().filter(|line| !line.trim().is_empty()).collect();
    Ok(format!(
        "<div class=\"figure\" role=\"img\" aria-label=\"{}\">{}</div>\n",
        attribute_text(alt),
        svg.join("\n")
    ))
}

/// A text as the value of an attribute, or between two tags.
pub(crate) fn attribute_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
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
    fn a_drawing_becomes_svg_with_a_text() {
        let html = render("svgbob alt=\"a box\"", "+--+\n|  |\n+--+\n").unwrap();
        assert!(html.contains("aria-label=\"a box\"") && html.contains("<svg"), "{html}");
    }

    /// It once was: only shapes were measured.
    #[test]
    fn text_beside_the_last_shape_is_not_cut_off() {
        let html = render("svgbob alt=\"a box\"", "+--+\n|  |  \"and some text\"\n+--+\n").unwrap();
        assert!(html.contains(" width=\"176\""), "{html}");
        assert!(html.contains(" viewBox=\"0 0 176 "), "{html}");
    }

    #[test]
    fn a_drawing_without_a_text_is_refused() {
        assert!(render("svgbob", "--").is_err());
        assert!(render("svgbob alt=\"\"", "--").is_err());
    }
}
