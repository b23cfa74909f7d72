//! Short links as QR codes.

use async_graphql::{Description, Enum, Object, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::error::{Code, internal};
use crate::{
    links::qr_code::{self, MAX_SIDE, MIN_SIDE},
    store,
};

/// Pixels of a side where no size is asked for.
const DEFAULT_SIDE: u16 = 256;

/// As what kind of file a QR code is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(super) enum QrFormat {
    /// Lines, sharp in any size, and small: for pages and for print.
    Svg,
    /// Pixels, for whatever shows no SVG, such as e-mail.
    Png,
}

/// What a code costs: working it out takes as long as many plain fields do.
const CODE: usize = 20;

/// What the largest picture costs beside that. It is so dear because rows of a list are priced in tens: a page has to
/// stay below the limit that one row would be below.
const LARGEST: usize = 1000;

/// What a QR code costs. A size that is refused costs nothing more.
pub(super) fn cost(format: Option<QrFormat>, size: Option<i32>) -> usize {
    let pixels = pixels(size).map_or(0, usize::from);
    match format {
        Some(QrFormat::Png) => CODE + LARGEST * pixels * pixels / usize::from(MAX_SIDE).pow(2),
        Some(QrFormat::Svg) | None => CODE,
    }
}

/// The pixels of a side that are asked for; `None` for so many as are not drawn.
fn pixels(size: Option<i32>) -> Option<u16> {
    let pixels = size.map_or(Some(DEFAULT_SIDE), |size| size.try_into().ok());
    pixels.filter(|pixels| (MIN_SIDE..=MAX_SIDE).contains(pixels))
}

/// A short URL as a QR code: a square picture with a margin of 4 modules, in black and white, of which 15 percent may be
/// damaged (error correction M).
#[derive(Debug, Description)]
pub(super) struct QrCode {
    text: String,
    pixels: u16,
    file: File,
}

#[derive(Debug)]
enum File {
    Svg(String),
    Png(Vec<u8>),
}

impl File {
    const fn media_type(&self) -> &'static str {
        match self {
            Self::Svg(_) => "image/svg+xml",
            Self::Png(_) => "image/png",
        }
    }

    fn base64(&self) -> String {
        match self {
            Self::Svg(text) => STANDARD.encode(text),
            Self::Png(bytes) => STANDARD.encode(bytes),
        }
    }
}

impl QrCode {
    /// Draws a short URL.
    ///
    /// # Errors
    /// `BAD_REQUEST` for a size that is not drawn.
    pub(super) async fn of(text: String, format: Option<QrFormat>, size: Option<i32>) -> Result<Self> {
        let Some(pixels) = pixels(size) else {
            return Err(Code::BadRequest.error(format!("size must be {MIN_SIDE} to {MAX_SIDE}.")));
        };
        let code = qr_code::QrCode::of(&text).map_err(internal)?;
        let file = match format.unwrap_or(QrFormat::Svg) {
            QrFormat::Svg => File::Svg(code.svg(pixels)),
            // Millions of pixels: whoever waits for a redirect does not wait for them.
            QrFormat::Png => {
                let drawn = store::aside(move || code.png(pixels)).await.map_err(internal)?;
                File::Png(drawn.map_err(internal)?)
            }
        };
        Ok(Self { text, pixels, file })
    }
}

#[Object(use_type_description)]
impl QrCode {
    /// What a scanner reads from it: the `shortUrl`.
    async fn text(&self) -> &str {
        &self.text
    }

    /// The kind of file: `image/svg+xml` or `image/png`.
    async fn media_type(&self) -> &'static str {
        self.file.media_type()
    }

    /// How wide and high the picture is, in pixels, its margin included.
    async fn size(&self) -> u16 {
        self.pixels
    }

    /// The picture for the `src` of an `<img>`: `data:`, the media type, and the file in Base64.
    async fn data_uri(&self) -> String {
        format!("data:{};base64,{}", self.file.media_type(), self.file.base64())
    }

    /// The file in Base64, to be saved or sent on.
    async fn base64(&self) -> String {
        self.file.base64()
    }

    /// The SVG's markup, to be put into a page; null for a PNG.
    async fn svg(&self) -> Option<&str> {
        match &self.file {
            File::Svg(text) => Some(text),
            File::Png(_) => None,
        }
    }
}
