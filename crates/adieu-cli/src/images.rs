//! Images as text: two pixels a character, one above the other.

/// Grey steps of the 256-colour palette, from 232.
const GREYS: u32 = 24;

/// A grey image of bytes `[height · width]` as lines of text: in the terminal's greys, or as plain half blocks where a
/// pixel is at least half bright.
pub(crate) fn lines(pixels: &[u8], width: usize, colour: bool) -> Vec<String> {
    let rows: Vec<&[u8]> = pixels.chunks_exact(width).collect();
    let dark = vec![0; width];
    let pair = |pair: &[&[u8]]| {
        let below = pair.get(1).copied().unwrap_or(&dark);
        let cells = pair[0].iter().zip(below).map(|(upper, lower)| cell(*upper, *lower, colour));
        let line: String = cells.collect();
        if colour { line + "\u{1b}[0m" } else { line }
    };
    rows.chunks(2).map(pair).collect()
}

fn cell(upper: u8, lower: u8, colour: bool) -> String {
    if colour {
        let grey = |value: u8| 232 + u32::from(value) * (GREYS - 1) / 255;
        return format!("\u{1b}[38;5;{}m\u{1b}[48;5;{}m▀", grey(upper), grey(lower));
    }
    let block = match (upper >= 128, lower >= 128) {
        (true, true) => "█",
        (true, false) => "▀",
        (false, true) => "▄",
        (false, false) => " ",
    };
    block.into()
}

/// Images of one size side by side, as many in a line as fit into `room` columns.
pub(crate) fn gallery(images: &[&[u8]], width: usize, room: usize, colour: bool) -> String {
    let across = ((room + 2) / (width + 2)).max(1);
    let mut text = String::new();
    for row in images.chunks(across) {
        let drawn: Vec<Vec<String>> = row.iter().map(|image| lines(image, width, colour)).collect();
        for y in 0..drawn.first().map_or(0, Vec::len) {
            let line: Vec<&str> = drawn.iter().map(|image| image[y].as_str()).collect();
            text.push_str(line.join("  ").trim_end());
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_pixels_a_character() {
        let image = [255, 255, 0, 0, 200, 0, 0, 128, 255, 0, 0, 255];
        assert_eq!(lines(&image, 4, false), ["█▀ ▄", "▀  ▀"]);
        assert_eq!(lines(&[255, 0], 1, true), ["\u{1b}[38;5;255m\u{1b}[48;5;232m▀\u{1b}[0m"]);
    }

    #[test]
    fn as_many_as_fit() {
        let image: &[u8] = &[255, 255, 255, 255];
        assert_eq!(gallery(&[image; 3], 2, 6, false), "██  ██\n██\n");
        assert_eq!(gallery(&[image; 2], 2, 1, false), "██\n██\n", "too narrow: one a line");
    }
}
