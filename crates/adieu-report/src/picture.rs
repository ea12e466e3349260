//! Small images of a record as PNG data URIs.

use adieu_record::Picture;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Largest side of an image a page takes.
const LARGEST_SIDE: u64 = 256;

/// `data:image/png;base64,…`, or `None` if the picture's bytes do not fit its size.
pub(crate) fn data_uri(picture: &Picture) -> Option<String> {
    let Picture { width, height, channels, .. } = *picture;
    let sides = 1..=LARGEST_SIDE;
    let colour = match channels {
        1 => png::ColorType::Grayscale,
        3 => png::ColorType::Rgb,
        _ => return None,
    };
    let pixels = STANDARD.decode(&picture.base64).ok()?;
    if !sides.contains(&width) || !sides.contains(&height) || pixels.len() as u64 != width * height * channels
    {
        return None;
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels).ok()?;
    writer.finish().ok()?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u64, height: u64, channels: u64, pixels: &[u8]) -> Picture {
        let base64 = STANDARD.encode(pixels);
        let caption = "unit 1".into();
        Picture { width, height, channels, base64, caption, truth: None, guess: None, margin: None }
    }

    #[test]
    fn pixels_come_back_out_of_the_png() {
        let pixels = [0, 50, 100, 150, 200, 250];
        for (w, h, c) in [(3, 2, 1), (2, 1, 3)] {
            let uri = data_uri(&picture(w, h, c, &pixels)).unwrap();
            let bytes = STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
            let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
            let mut found = vec![0; pixels.len()];
            let info = reader.next_frame(&mut found).unwrap();
            assert_eq!((u64::from(info.width), u64::from(info.height)), (w, h));
            assert_eq!(found, pixels);
        }
    }

    #[test]
    fn pictures_that_do_not_fit_are_refused() {
        assert_eq!(data_uri(&picture(3, 3, 1, &[0; 8])), None);
        assert_eq!(data_uri(&picture(2, 2, 2, &[0; 8])), None);
        assert_eq!(data_uri(&picture(0, 0, 1, &[])), None);
        assert_eq!(data_uri(&picture(u64::MAX, 2, 1, &[0; 8])), None);
        let mut torn = picture(2, 2, 1, &[0; 4]);
        torn.base64 = "%%%".into();
        assert_eq!(data_uri(&torn), None);
    }
}
