//! The hues of labels that replace the colours of other tools.

/// The angles of the twelve hues in OKLCH, as the style sheet has them.
const ANGLES: [f64; 12] = [
    25.0, 55.0, 85.0, 115.0, 150.0, 170.0, 185.0, 220.0, 255.0, 285.0, 305.0, 345.0,
];

/// The hue of a colour that has a name, such as `green` or `sky_dark`; `None` for black and others
/// without a hue.
pub(crate) fn of_name(name: &str) -> Option<i16> {
    let name = name.split(['_', '-']).next().unwrap_or("");
    Some(match name {
        "red" => 0,
        "orange" => 1,
        "yellow" => 2,
        "lime" => 3,
        "green" => 4,
        "teal" => 5,
        "sky" => 7,
        "blue" => 8,
        "purple" => 10,
        "pink" => 11,
        _ => return None,
    })
}

/// The hue nearest to a colour such as `d73a4a`; `None` for greys and for anything else.
///
/// The angle is that of OKLab (Björn Ottosson, 2020), in which hues of equal distance look equally
/// different.
pub(crate) fn of_hex(text: &str) -> Option<i16> {
    let text = text.trim_start_matches('#');
    if text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let linear = |from: usize| -> Option<f64> {
        let part = f64::from(u8::from_str_radix(text.get(from..from + 2)?, 16).ok()?) / 255.0;
        Some(if part <= 0.040_45 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        })
    };
    let (r, g, b) = (linear(0)?, linear(2)?, linear(4)?);
    let l = (0.412_221_5 * r + 0.536_332_5 * g + 0.051_446 * b).cbrt();
    let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_397 * b).cbrt();
    let s = (0.088_302_5 * r + 0.281_718_8 * g + 0.629_978_7 * b).cbrt();
    let red_green = 1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s;
    let yellow_blue = 0.025_904 * l + 0.782_771_8 * m - 0.808_675_8 * s;
    if red_green.hypot(yellow_blue) < 0.03 {
        return None;
    }
    let angle = yellow_blue.atan2(red_green).to_degrees().rem_euclid(360.0);
    let distance = |other: f64| {
        let apart = (angle - other).abs();
        apart.min(360.0 - apart)
    };
    (0..)
        .zip(ANGLES)
        .min_by(|(_, a), (_, b)| distance(*a).total_cmp(&distance(*b)))
        .map(|(hue, _)| hue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_their_nearest_hue() {
        assert_eq!(of_hex("d73a4a"), Some(0), "red");
        assert_eq!(of_hex("#0075ca"), Some(8), "blue");
        assert_eq!(of_hex("008672"), Some(5), "teal");
        assert_eq!(of_hex("7057ff"), Some(9), "violet");
        assert_eq!(of_hex("cfd3d7"), None, "grey");
        for text in ["", "red", "12345", "ééé", "000000", "ffffff"] {
            assert_eq!(of_hex(text), None, "{text}");
        }
    }

    #[test]
    fn named_colours_have_different_hues() {
        let names = [
            "red", "orange", "yellow", "lime", "green", "sky", "blue", "purple", "pink",
        ];
        let hues: std::collections::BTreeSet<_> = names.into_iter().map(of_name).collect();
        assert_eq!(hues.len(), names.len());
        assert_eq!(of_name("green_dark"), of_name("green"));
        assert_eq!(of_name("black"), None);
    }
}
