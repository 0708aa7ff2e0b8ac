//! Removes metadata from PNG, GIF and WebP files, chunk by chunk.

use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::domain::pictures::bytes::{copy, invalid, read, skip};

/// The chunks of a PNG that are kept: those that its picture and its animation consist of, and how its colours are meant.
const PNG_CHUNKS: [&[u8; 4]; 15] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT",
    b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT",
];

/// Copies a PNG without texts, times and EXIF, and without what follows its end.
pub(super) fn copy_png(from: &mut (impl Read + Seek), to: &mut impl Write) -> io::Result<()> {
    to.write_all(&read::<8>(from)?)?;
    loop {
        let length = read::<4>(from)?;
        let name = read::<4>(from)?;
        let with_checksum = u64::from(u32::from_be_bytes(length)) + 4;
        if PNG_CHUNKS.contains(&&name) {
            to.write_all(&length)?;
            to.write_all(&name)?;
            copy(from, to, with_checksum)?;
        } else {
            skip(from, with_checksum)?;
        }
        if &name == b"IEND" {
            return Ok(());
        }
    }
}

/// Copies a GIF without comments, texts and applications' data, except how often it repeats.
pub(super) fn copy_gif(from: &mut (impl Read + Seek), to: &mut impl Write) -> io::Result<()> {
    let header = read::<13>(from)?;
    to.write_all(&header)?;
    copy(from, to, palette_bytes(header[10]))?;
    loop {
        match read::<1>(from)?[0] {
            b',' => {
                let descriptor = read::<9>(from)?;
                to.write_all(b",")?;
                to.write_all(&descriptor)?;
                // the palette, and the size of codes
                copy(from, to, palette_bytes(descriptor[8]) + 1)?;
                copy_blocks(from, to)?;
            }
            b'!' => copy_extension(from, to)?,
            b';' => return to.write_all(b";"),
            _ => return Err(invalid()),
        }
    }
}

fn palette_bytes(flags: u8) -> u64 {
    if flags & 0x80 == 0 {
        0
    } else {
        3 << ((flags & 7) + 1)
    }
}

fn copy_extension(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    const GRAPHIC_CONTROL: u8 = 0xF9;
    const APPLICATION: u8 = 0xFF;
    match read::<1>(from)?[0] {
        GRAPHIC_CONTROL => {
            to.write_all(&[b'!', GRAPHIC_CONTROL])?;
            copy_blocks(from, to)
        }
        APPLICATION => {
            let length = read::<1>(from)?[0];
            let mut name = vec![0; usize::from(length)];
            from.read_exact(&mut name)?;
            if name != b"NETSCAPE2.0" {
                return copy_blocks(from, &mut io::sink());
            }
            to.write_all(&[b'!', APPLICATION, length])?;
            to.write_all(&name)?;
            copy_blocks(from, to)
        }
        _ => copy_blocks(from, &mut io::sink()),
    }
}

/// Copies blocks until the empty one.
fn copy_blocks(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    loop {
        let [length] = read::<1>(from)?;
        to.write_all(&[length])?;
        if length == 0 {
            return Ok(());
        }
        copy(from, to, u64::from(length))?;
    }
}

/// The chunks of a WebP that are kept.
const WEBP_CHUNKS: [&[u8; 4]; 7] = [
    b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP",
];

/// Copies a WebP without EXIF, XMP and unknown chunks.
pub(super) fn copy_webp(from: &mut (impl Read + Seek), to: &mut impl Write) -> io::Result<()> {
    const HAS_EXIF_AND_XMP: u8 = 0b0000_1100;
    let start = from.stream_position()?;
    let header = read::<12>(from)?;
    let [_, _, _, _, a, b, c, d, ..] = header;
    let end = start + 8 + u64::from(u32::from_le_bytes([a, b, c, d]));
    // The length of what is kept comes first, so the chunks are read twice.
    let mut kept = 4;
    while from.stream_position()? < end {
        let (name, bytes, _) = webp_chunk(from)?;
        skip(from, bytes)?;
        if WEBP_CHUNKS.contains(&&name) {
            kept += 8 + bytes;
        }
    }
    from.seek(SeekFrom::Start(start + 12))?;
    to.write_all(b"RIFF")?;
    to.write_all(&u32::try_from(kept).map_err(|_| invalid())?.to_le_bytes())?;
    to.write_all(b"WEBP")?;
    while from.stream_position()? < end {
        let (name, bytes, length) = webp_chunk(from)?;
        if !WEBP_CHUNKS.contains(&&name) {
            skip(from, bytes)?;
            continue;
        }
        to.write_all(&name)?;
        to.write_all(&length)?;
        if &name == b"VP8X" && bytes > 0 {
            let [flags] = read::<1>(from)?;
            to.write_all(&[flags & !HAS_EXIF_AND_XMP])?;
            copy(from, to, bytes - 1)?;
        } else {
            copy(from, to, bytes)?;
        }
    }
    Ok(())
}

/// The name of the next chunk, the bytes that follow, and their number as it was written, without padding.
fn webp_chunk(from: &mut impl Read) -> io::Result<([u8; 4], u64, [u8; 4])> {
    let (name, length) = (read::<4>(from)?, read::<4>(from)?);
    let bytes = u64::from(u32::from_le_bytes(length));
    Ok((name, bytes + bytes % 2, length))
}
