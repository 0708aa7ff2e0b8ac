//! The size of a picture, and a small version of it.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Write},
    path::Path,
};

use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage,
    codecs::jpeg::JpegEncoder,
    imageops::{self, FilterType},
    metadata::Orientation,
};

use crate::domain::pictures::format::Format;

/// The most pixels of a picture. They are counted before anything is decoded.
pub(crate) const MAX_PIXELS: u64 = 40_000_000;

/// The longest side of a picture. What scales pictures may need memory for a side, however few pixels there are.
pub(crate) const MAX_SIDE: u32 = 20_000;

/// What a decoder may use. One decodes at a time.
const MAX_MEMORY: u64 = 192 * 1024 * 1024;

/// The longest side of a small version.
const LONGEST_SIDE: u32 = 960;

/// Why there is no small version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoThumbnail {
    TooLarge {
        width: u32,
        height: u32,
    },
    /// It cannot be decoded.
    Damaged,
}

impl<E: std::error::Error> From<E> for NoThumbnail {
    fn from(_: E) -> Self {
        Self::Damaged
    }
}

fn reader(format: Format, path: &Path) -> Result<ImageReader<BufReader<File>>, NoThumbnail> {
    let format = match format {
        Format::Png => ImageFormat::Png,
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Gif => ImageFormat::Gif,
        Format::Webp => ImageFormat::WebP,
    };
    let mut reader = ImageReader::with_format(BufReader::new(File::open(path)?), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    Ok(reader)
}

/// Width and height in pixels as the picture is shown, read from its head.
pub(crate) fn size_of(format: Format, path: &Path) -> Result<(u32, u32), NoThumbnail> {
    let (width, height) = reader(format, path)?.into_dimensions()?;
    if u64::from(width) * u64::from(height) > MAX_PIXELS || width.max(height) > MAX_SIDE {
        return Err(NoThumbnail::TooLarge { width, height });
    }
    Ok((width, height))
}

/// Writes the small version, a JPEG, of a picture whose size was checked. Returns the size of the large one as it is shown.
pub(crate) fn write_thumbnail(
    format: Format,
    path: &Path,
    to: File,
) -> Result<(u32, u32), NoThumbnail> {
    let mut decoder = reader(format, path)?.into_decoder()?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let large = DynamicImage::from_decoder(decoder)?;
    let is_small = large.width().max(large.height()) <= LONGEST_SIDE;
    let (width, height) = (large.width(), large.height());
    let mut small = if is_small {
        large
    } else {
        large.thumbnail(LONGEST_SIDE, LONGEST_SIDE)
    };
    small.apply_orientation(orientation);
    let mut to = BufWriter::new(to);
    let small = DynamicImage::from(on_white(&small));
    small.write_with_encoder(JpegEncoder::new_with_quality(&mut to, 88))?;
    to.flush()?;
    let is_on_its_side = matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    Ok(if is_on_its_side {
        (height, width)
    } else {
        (width, height)
    })
}

/// Writes the middle of a picture whose size was checked, as a square JPEG with sides of this length.
pub(crate) fn write_square(
    format: Format,
    path: &Path,
    to: File,
    side: u32,
) -> Result<(), NoThumbnail> {
    let mut decoder = reader(format, path)?.into_decoder()?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let large = DynamicImage::from_decoder(decoder)?;
    // What is cut off is not scaled: a long and narrow picture would become larger by that.
    let shorter = large.width().min(large.height());
    let (left, top) = (
        (large.width() - shorter) / 2,
        (large.height() - shorter) / 2,
    );
    let middle = imageops::crop_imm(&large, left, top, shorter, shorter);
    let square = imageops::resize(&*middle, side, side, FilterType::Triangle);
    let mut square = DynamicImage::from(square);
    square.apply_orientation(orientation);
    let mut to = BufWriter::new(to);
    let square = DynamicImage::from(on_white(&square));
    square.write_with_encoder(JpegEncoder::new_with_quality(&mut to, 88))?;
    to.flush()?;
    Ok(())
}

/// A picture with its transparent parts on white: JPEG has none.
fn on_white(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let picture = picture.to_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0.map(u16::from);
        let blend = |part: u16| ((part * alpha + 255 * (255 - alpha)) / 255) as u8;
        Rgb([blend(red), blend(green), blend(blue)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case 47. Scaled to fill a square as a whole, the picture would need many gigabytes.
    #[test]
    fn long_and_narrow_pictures_need_little_memory() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from.png"), folder.path().join("to.jpg"));
        for (width, height) in [(1, 1_000_000), (1_000_000, 1), (3, MAX_SIDE)] {
            let middle = (width.max(height) - 1) / 2;
            let is_middle = |x: u32, y: u32| x.max(y).abs_diff(middle) < 3;
            let large = RgbImage::from_fn(width, height, |x, y| {
                Rgb(if is_middle(x, y) {
                    [200, 30, 30]
                } else {
                    [0, 0, 0]
                })
            });
            large.save(&from).unwrap();
            write_square(Format::Png, &from, File::create(&to).unwrap(), 96).unwrap();
            let square = image::open(&to).unwrap().to_rgb8();
            assert_eq!(square.dimensions(), (96, 96));
            let [red, green, _] = square.get_pixel(48, 48).0;
            assert!(red > 150 && green < 80, "{width} × {height}");
            write_thumbnail(Format::Png, &from, File::create(&to).unwrap()).unwrap();
            let small = image::open(&to).unwrap();
            assert_eq!(small.width().max(small.height()), LONGEST_SIDE);
            assert_eq!(small.width().min(small.height()), 1);
        }
    }

    #[test]
    fn pictures_with_a_side_that_is_too_long_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.png");
        RgbImage::new(1, MAX_SIDE).save(&path).unwrap();
        assert_eq!(size_of(Format::Png, &path), Ok((1, MAX_SIDE)));
        RgbImage::new(1, MAX_SIDE + 1).save(&path).unwrap();
        let (width, height) = (1, MAX_SIDE + 1);
        let refusal = NoThumbnail::TooLarge { width, height };
        assert_eq!(size_of(Format::Png, &path), Err(refusal));
    }
}
