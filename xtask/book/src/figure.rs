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
    // A blank line would end the HTML block.
    let svg: Vec<&str> = svg.lines().filter(|line| !line.trim().is_empty()).collect();
    let alt =
        alt.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
    Ok(format!(
        "<div class=\"figure\" role=\"img\" aria-label=\"{alt}\">{}</div>\n",
        svg.join("\n")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_becomes_svg_with_a_text() {
        let html = render("svgbob alt=\"a box\"", "+--+\n|  |\n+--+\n").unwrap();
        assert!(html.contains("aria-label=\"a box\"") && html.contains("<svg"), "{html}");
    }

    #[test]
    fn a_drawing_without_a_text_is_refused() {
        assert!(render("svgbob", "--").is_err());
        assert!(render("svgbob alt=\"\"", "--").is_err());
    }
}
