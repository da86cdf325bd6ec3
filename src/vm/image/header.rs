//! What the header of an image on this host tells of the image below it: of a qcow2, or of a format that came before it.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::file_of;

/// The first bytes of a qcow2 image.
const MAGIC: [u8; 4] = *b"QFI\xfb";

/// The first bytes of a qed image.
const QED: [u8; 4] = *b"QED\0";

/// What a qed image has below it: an image, and one that is raw.
const QED_BACKING: u64 = 1;
const QED_RAW: u64 = 4;

/// The longest name that a header may have, in bytes.
const LONGEST: u64 = 1023;

/// The most extensions that are looked at, more than there are.
const MOST: usize = 64;

/// The extension that tells the format of the image below.
const FORMAT: u32 = 0xE279_2ACA;

/// What an image stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Below {
    /// The image below, by its path.
    pub(super) path: PathBuf,
    /// Its format, where the header tells it: what is in an image is its guest's, and no safe way to know.
    pub(super) format: Option<String>,
}

/// Opens an image. What else has a name there is refused: a pipe would have us wait for whoever writes to it.
pub(super) fn open(image: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let opened = File::options().read(true).custom_flags(flags).open(image)?;
    let kind = opened.metadata()?.file_type();
    if kind.is_file() || kind.is_block_device() {
        return Ok(opened);
    }
    Err(io::Error::other("it is no file and no disk"))
}

/// Whether the file begins as a qcow2 image does.
pub(super) fn is_qcow2(image: &File) -> io::Result<bool> {
    begins(image, MAGIC)
}

fn begins(image: &File, with: [u8; 4]) -> io::Result<bool> {
    let mut magic = [0; 4];
    match image.read_exact_at(&mut magic, 0) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| magic == with),
    }
}

/// Whether the image is a qcow2 whose data are encrypted.
pub(super) fn is_encrypted(image: &File) -> io::Result<bool> {
    Ok(is_qcow2(image)? && number(image, 32, 4)? != 0)
}

/// What this image stands on; nothing where it is neither a qcow2 nor a qed, or stands on no plain file.
pub(super) fn below(image: &Path) -> io::Result<Option<Below>> {
    let file = open(image)?;
    let (name, format) = if is_qcow2(&file)? {
        let version = number(&file, 4, 4)?;
        let name = name(&file, number(&file, 8, 8)?, number(&file, 16, 4)?)?;
        // One that stands on none may end behind its numbers.
        let format = match &name {
            Some(_) if version >= 2 => format(&file, version)?,
            _ => None,
        };
        (name, format)
    } else if begins(&file, QED)? {
        let features = number(&file, 16, 8)?.swap_bytes();
        let short = |at| Ok::<_, io::Error>(number(&file, at, 4)?.swap_bytes() >> 32);
        if features & QED_BACKING == 0 {
            return Ok(None);
        }
        let format = (features & QED_RAW != 0).then(|| "raw".to_owned());
        (name(&file, short(56)?, short(60)?)?, format)
    } else {
        return Ok(None);
    };
    // A name is relative to the folder of the image that has it.
    let folder = image.parent().unwrap_or(Path::new("/"));
    Ok(name.map(|name| Below {
        path: folder.join(name),
        format,
    }))
}

/// The name of a plain file in the header.
fn name(image: &File, offset: u64, length: u64) -> io::Result<Option<String>> {
    if offset == 0 || length == 0 || length > LONGEST {
        return Ok(None);
    }
    let Ok(name) = String::from_utf8(bytes(image, offset, length)?) else {
        return Ok(None);
    };
    let name = file_of(&name);
    Ok(Some(name.strip_prefix("file:").unwrap_or(&name).to_owned()))
}

/// The format in the header's extensions, which lie behind it: each a type, a length, and as many bytes, filled up to 8.
fn format(image: &File, version: u64) -> io::Result<Option<String>> {
    let mut at = if version >= 3 {
        number(image, 100, 4)?
    } else {
        72
    };
    for _ in 0..MOST {
        let (kind, length) = (number(image, at, 4)?, number(image, at + 4, 4)?);
        if kind == 0 || length > LONGEST {
            break;
        }
        if kind == u64::from(FORMAT) {
            return Ok(String::from_utf8(bytes(image, at + 8, length)?).ok());
        }
        at += 8 + length.next_multiple_of(8);
    }
    Ok(None)
}

/// A number of the header's, whose highest byte comes first as in a qcow2.
fn number(image: &File, at: u64, length: u64) -> io::Result<u64> {
    let bytes = bytes(image, at, length)?;
    Ok(bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// At most as many bytes as a name may have.
fn bytes(image: &File, at: u64, length: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length.min(LONGEST)).unwrap_or_default();
    let mut bytes = vec![0; length];
    image
        .read_exact_at(&mut bytes, at)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::other("it ends within its header"),
            _ => error,
        })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A header of version 3 that names this image and, in an extension behind another one, its format.
    fn header(name: &str, format: &str) -> Vec<u8> {
        let mut bytes = vec![0; 256];
        let mut put = |at: usize, what: &[u8]| bytes[at..at + what.len()].copy_from_slice(what);
        let length = |text: &str| u32::try_from(text.len()).unwrap().to_be_bytes();
        put(0, &MAGIC);
        put(4, &3_u32.to_be_bytes());
        put(8, &200_u64.to_be_bytes());
        put(16, &length(name));
        put(100, &104_u32.to_be_bytes());
        // An extension of five bytes, which takes eight.
        put(104, &[1, 2, 3, 4, 0, 0, 0, 5]);
        put(120, &FORMAT.to_be_bytes());
        put(124, &length(format));
        put(128, format.as_bytes());
        put(200, name.as_bytes());
        bytes
    }

    /// A qed's, with these features.
    fn qed(name: &str, features: u8) -> Vec<u8> {
        let mut bytes = vec![0; 128];
        bytes[..4].copy_from_slice(&QED);
        bytes[16] = features;
        bytes[56] = 64;
        bytes[60] = u8::try_from(name.len()).unwrap();
        bytes[64..64 + name.len()].copy_from_slice(name.as_bytes());
        bytes
    }

    #[test]
    fn the_image_below_is_the_one_that_the_header_names() {
        let folder = std::env::temp_dir().join(format!("qmpsh-header-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let image = folder.join("image");
        for (bytes, expected) in [
            (
                header("base.qcow2", "qcow2"),
                Some((folder.join("base.qcow2"), "qcow2")),
            ),
            (
                header("/srv/base", "raw"),
                Some(("/srv/base".into(), "raw")),
            ),
            (
                header("file:/srv/base", "raw"),
                Some(("/srv/base".into(), "raw")),
            ),
            (header("", "raw"), None),
            (qed("base", 5), Some((folder.join("base"), "raw"))),
            (qed("base", 4), None),
            // Cut off, no qcow2, and empty.
            (vec![0; 4096], None),
            (Vec::new(), None),
        ] {
            fs::write(&image, bytes).unwrap();
            let found = below(&image).unwrap();
            assert_eq!(
                found,
                expected.map(|(path, format)| Below {
                    path,
                    format: Some(format.to_owned()),
                })
            );
        }
        // A header that is cut off is a fault of the image's, and no image below.
        fs::write(&image, &header("base.qcow2", "raw")[..110]).unwrap();
        assert!(below(&image).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
