//! Short links as QR codes: for a poster, a till or a slide, where nobody gets a text.

use std::fmt::Write as _;

use fast_qr::{ECL, QRBuilder};

/// The fewest pixels of a side: the longest short URL that there can be still has a pixel a module.
pub const MIN_SIDE: u16 = 128;

/// The most pixels of a side.
pub const MAX_SIDE: u16 = 2048;

/// The modules around the code that stay light, without which scanners don't find it.
const QUIET_ZONE: usize = 4;

/// A text as a square of modules, with an error correction of 15 percent (M).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QrCode {
    /// Row after row, whether a module is dark.
    rows: Vec<Vec<bool>>,
}

/// The text has more than fit into a picture of [`MIN_SIDE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is too long for a QR code of {MIN_SIDE} pixels")]
pub struct TooLong;

/// The picture was not written.
#[derive(Debug, thiserror::Error)]
#[error("the PNG was not written")]
pub struct NotWritten(#[from] png::EncodingError);

impl QrCode {
    /// The code that a scanner reads `text` from.
    ///
    /// # Errors
    /// When the text is too long.
    pub fn of(text: &str) -> Result<Self, TooLong> {
        let code = QRBuilder::new(text).ecl(ECL::M).build().map_err(|_| TooLong)?;
        if code.size + 2 * QUIET_ZONE > MIN_SIDE.into() {
            return Err(TooLong);
        }
        let row = |at: usize| code[at].iter().map(|module| module.value()).collect();
        Ok(Self {
            rows: (0..code.size).map(row).collect(),
        })
    }

    /// Modules of a side, with those around the code.
    const fn modules(&self) -> usize {
        self.rows.len() + 2 * QUIET_ZONE
    }

    /// An SVG of so many pixels, or of any other size: it stays sharp.
    #[must_use]
    pub fn svg(&self, side: u16) -> String {
        let modules = self.modules();
        let mut dark = String::new();
        for (y, row) in self.rows.iter().enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|one, next| one == next) {
                if run[0] {
                    let (left, top, width) = (x + QUIET_ZONE, y + QUIET_ZONE, run.len());
                    let _ = write!(dark, "M{left} {top}h{width}v1h-{width}z");
                }
                x += run.len();
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{side}\" height=\"{side}\" viewBox=\"0 0 {modules} {modules}\" \
             shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{modules}v{modules}H0z\"/><path d=\"{dark}\"/></svg>"
        )
    }

    /// A PNG of exactly so many pixels. Modules have as many whole pixels as fit; what is left is around the code.
    ///
    /// # Errors
    /// When the picture can't be written, as for a side of less than [`MIN_SIDE`].
    pub fn png(&self, side: u16) -> Result<Vec<u8>, NotWritten> {
        let pixels = usize::from(side);
        let scale = pixels / self.modules();
        let margin = (pixels - scale * self.rows.len()) / 2;
        // A bit a pixel, and a set one is light.
        let blank = vec![u8::MAX; pixels.div_ceil(8)];
        let mut data = blank.repeat(margin);
        for row in &self.rows {
            let mut line = blank.clone();
            let dark = row.iter().enumerate().filter(|(_, dark)| **dark);
            for pixel in dark.flat_map(|(x, _)| margin + x * scale..margin + (x + 1) * scale) {
                line[pixel / 8] &= !(0x80 >> (pixel % 8));
            }
            data.extend(line.repeat(scale));
        }
        data.resize(blank.len() * pixels, u8::MAX);

        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, side.into(), side.into());
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        // Most lines are the one above again.
        encoder.set_filter(png::Filter::Up);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&data)?;
        writer.finish()?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Which pixels of a PNG are dark, row after row.
    fn pixels(file: &[u8]) -> Vec<Vec<bool>> {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file))
            .read_info()
            .expect("a PNG");
        let mut rows = Vec::new();
        let width = reader.info().width as usize;
        while let Some(row) = reader.next_row().expect("a row") {
            let bits = row
                .data()
                .iter()
                .flat_map(|byte| (0..8).map(move |bit| byte & (0x80 >> bit) == 0));
            rows.push(bits.take(width).collect());
        }
        rows
    }

    /// What a scanner reads of these pixels: of a small picture it sees each as several of its own.
    fn scan(pixels: &[Vec<bool>]) -> String {
        let zoom = 1 + 400 / pixels.len();
        let side = zoom * pixels.len();
        let is_dark = |x: usize, y: usize| pixels[y / zoom][x / zoom];
        let mut picture = rqrr::PreparedImage::prepare_from_bitmap(side, side, is_dark);
        let codes = picture.detect_grids();
        assert_eq!(codes.len(), 1);
        let (about, text) = codes[0].decode().expect("a code");
        // As the standard numbers M.
        assert_eq!(about.ecc_level, 0);
        text
    }

    #[test]
    fn a_picture_is_as_large_as_asked_and_light_around_the_code() {
        let code = QrCode::of("https://go.example.com/Ab3kX9q").expect("short");
        assert_eq!(code.rows.len(), 29);
        for side in [128, 129, 500, 2048] {
            let rows = pixels(&code.png(side).expect("a PNG"));
            let pixels = usize::from(side);
            assert_eq!((rows.len(), rows[0].len()), (pixels, pixels));
            let scale = pixels / 37;
            let first = rows.iter().position(|row| row.contains(&true)).expect("a code");
            assert!(first >= QUIET_ZONE * scale, "{side}");
            assert_eq!(rows[first].iter().position(|dark| *dark), Some(first));
            let light = rows.iter().rev().take_while(|row| !row.contains(&true)).count();
            assert!(light >= QUIET_ZONE * scale, "{side}");
        }
        let svg = code.svg(300);
        assert!(svg.starts_with(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"300\" height=\"300\" viewBox=\"0 0 37 37\""
        ));
        assert!(svg.contains("<path d=\"M4 4h7v1h-7z"), "{svg}");
    }

    #[test]
    fn the_longest_short_url_fits_into_the_smallest_picture() {
        let label = "a".repeat(63);
        let host = format!("{label}.{label}.{label}.{}:65535", &label[..61]);
        let url = format!("https://{host}/{}", "Z".repeat(64));
        assert_eq!(url.len(), 8 + 253 + 6 + 65);
        let code = QrCode::of(&url).expect("short enough");
        assert_eq!(scan(&pixels(&code.png(MIN_SIDE).expect("a PNG"))), url);
        assert_eq!(QrCode::of(&url.repeat(4)), Err(TooLong));
        assert_eq!(QrCode::of(&url.repeat(100)), Err(TooLong));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn what_is_scanned_is_what_was_meant(host in "[a-z]{1,40}", code in "[A-Za-z0-9_-]{3,64}", side in 256..700_u16) {
            let url = format!("https://{host}.example.com/{code}");
            let picture = QrCode::of(&url).expect("short").png(side).expect("a PNG");
            prop_assert_eq!(scan(&pixels(&picture)), url);
        }
    }
}
