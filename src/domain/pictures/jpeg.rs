//! Removes metadata from JPEG files, segment by segment.

use std::io::{self, Read, Seek, Write};

use crate::domain::pictures::bytes::{copy, invalid, read, skip};

const START: u8 = 0xD8;
const END: u8 = 0xD9;
const SCAN: u8 = 0xDA;
const APP0: u8 = 0xE0;
const EXIF: u8 = 0xE1;
const ICC: u8 = 0xE2;
const ADOBE: u8 = 0xEE;
const LAST_APP: u8 = 0xEF;
const COMMENT: u8 = 0xFE;

/// Copies a JPEG without EXIF, XMP, IPTC and comments, and without what follows its end, such as a second picture. If its
/// EXIF says how it is turned, that is all that a new one says.
pub(super) fn copy_jpeg(from: &mut (impl Read + Seek), to: &mut impl Write) -> io::Result<()> {
    if read::<2>(from)? != [0xFF, START] {
        return Err(invalid());
    }
    to.write_all(&[0xFF, START])?;
    let mut marker = next_marker(from)?;
    loop {
        match marker {
            END => return to.write_all(&[0xFF, END]),
            SCAN => {
                copy_segment(from, to, SCAN)?;
                marker = copy_scan(from, to)?;
                continue;
            }
            EXIF => {
                let mut exif = vec![0; segment_bytes(from)?];
                from.read_exact(&mut exif)?;
                if let Some(turn) = orientation(&exif).filter(|turn| (2..=8).contains(turn)) {
                    to.write_all(&turned(turn))?;
                }
            }
            // Thumbnails are in APP0 too, but only as JFXX; colours need ICC profiles and Adobe's segment.
            APP0 => copy_if(from, to, APP0, b"JFIF\0")?,
            ICC => copy_if(from, to, ICC, b"ICC_PROFILE\0")?,
            ADOBE => copy_if(from, to, ADOBE, b"Adobe")?,
            COMMENT | EXIF..=LAST_APP => {
                let bytes = segment_bytes(from)?;
                skip(from, bytes as u64)?;
            }
            other => copy_segment(from, to, other)?,
        }
        marker = next_marker(from)?;
    }
}

/// Reads a marker, and the 0xFF bytes that may fill the space before.
fn next_marker(from: &mut impl Read) -> io::Result<u8> {
    if read::<1>(from)?[0] != 0xFF {
        return Err(invalid());
    }
    loop {
        match read::<1>(from)?[0] {
            0xFF => {}
            0 => return Err(invalid()),
            marker => return Ok(marker),
        }
    }
}

/// The bytes of a segment after its length.
fn segment_bytes(from: &mut impl Read) -> io::Result<usize> {
    let length = u16::from_be_bytes(read::<2>(from)?);
    usize::from(length).checked_sub(2).ok_or_else(invalid)
}

fn write_head(to: &mut impl Write, marker: u8, bytes: usize) -> io::Result<()> {
    let length = u16::try_from(bytes + 2).map_err(|_| invalid())?;
    to.write_all(&[0xFF, marker])?;
    to.write_all(&length.to_be_bytes())
}

fn copy_segment(from: &mut impl Read, to: &mut impl Write, marker: u8) -> io::Result<()> {
    let bytes = segment_bytes(from)?;
    write_head(to, marker, bytes)?;
    copy(from, to, bytes as u64)
}

/// Copies a segment if it begins like this.
fn copy_if(
    from: &mut impl Read,
    to: &mut impl Write,
    marker: u8,
    beginning: &[u8],
) -> io::Result<()> {
    let mut segment = vec![0; segment_bytes(from)?];
    from.read_exact(&mut segment)?;
    if segment.starts_with(beginning) {
        write_head(to, marker, segment.len())?;
        to.write_all(&segment)?;
    }
    Ok(())
}

/// Copies compressed data. Returns the marker that ends it.
fn copy_scan(from: &mut impl Read, to: &mut impl Write) -> io::Result<u8> {
    loop {
        let [byte] = read::<1>(from)?;
        if byte != 0xFF {
            to.write_all(&[byte])?;
            continue;
        }
        let mut marker = read::<1>(from)?[0];
        while marker == 0xFF {
            marker = read::<1>(from)?[0];
        }
        match marker {
            // an escaped byte, or a mark to restart at
            0 | 0xD0..=0xD7 => to.write_all(&[0xFF, marker])?,
            marker => return Ok(marker),
        }
    }
}

/// The orientation in an EXIF segment, from 1 to 8.
fn orientation(segment: &[u8]) -> Option<u16> {
    const ORIENTATION: u16 = 0x0112;
    let tiff = segment.strip_prefix(b"Exif\0\0")?;
    let is_little = match tiff.get(..2)? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let short = |at: usize| -> Option<u16> {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    };
    let long = |at: usize| -> Option<u32> {
        let bytes = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if is_little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    };
    let directory = usize::try_from(long(4)?).ok()?;
    let entries = short(directory)?;
    (0..usize::from(entries)).find_map(|entry| {
        let at = directory.checked_add(2 + entry * 12)?;
        (short(at)? == ORIENTATION).then(|| short(at + 8))?
    })
}

/// An EXIF segment that says only how the picture is turned.
fn turned(orientation: u16) -> Vec<u8> {
    let mut segment = vec![0xFF, EXIF, 0, 34];
    segment.extend(b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01");
    segment.extend(orientation.to_be_bytes());
    segment.extend([0; 6]);
    segment
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn new_exif_says_how_the_picture_is_turned_and_no_more() {
        for turn in 2..=8 {
            let segment = turned(turn);
            let length = usize::from(u16::from_be_bytes([segment[2], segment[3]]));
            assert_eq!(segment.len(), length + 2);
            assert_eq!(orientation(&segment[4..]), Some(turn));
        }
    }

    #[test]
    fn metadata_of_a_jpeg_is_removed() {
        let mut picture = vec![0xFF, START];
        for (marker, text) in [
            (EXIF, "http://ns.adobe.com/xap/1.0/\0SECRET"),
            (0xED, "Photoshop SECRET"),
            (COMMENT, "SECRET"),
            (APP0, "JFXX\0SECRET"),
            (ICC, "ICC_PROFILE\0colours"),
            (0xDB, "table"),
        ] {
            write_head(&mut picture, marker, text.len()).unwrap();
            picture.extend(text.as_bytes());
        }
        picture.extend([0xFF, SCAN, 0, 2, 1, 0xFF, 0, 2, 0xFF, 0xD0, 3, 0xFF, END]);
        picture.extend(b"SECRET second picture");
        let mut copied = Vec::new();
        copy_jpeg(&mut Cursor::new(picture), &mut copied).unwrap();
        let text = String::from_utf8_lossy(&copied);
        assert!(!text.contains("SECRET"), "{text}");
        assert!(text.contains("colours") && text.contains("table"), "{text}");
        assert!(copied.ends_with(&[1, 0xFF, 0, 2, 0xFF, 0xD0, 3, 0xFF, END]));
    }

    #[test]
    fn nonsense_is_refused() {
        for bytes in [
            &b"\xFF\xD8\xFF"[..],
            b"\xFF\xD8\xFF\xE1\0\0",
            b"\xFF\xD8\xFFabc",
        ] {
            assert!(copy_jpeg(&mut Cursor::new(bytes), &mut Vec::new()).is_err());
        }
    }
}
