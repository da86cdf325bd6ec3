//! Pictures of what a guest shows (`screendump`), as PNG files that are there whole or not at all.
//!
//! QEMU writes its own format, PPM, into a file beside, which was made for it: all versions can, and PNG only some builds of 7.1
//! and newer. The picture is made of that here.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::{Error, ErrorKind};
use super::handed;
use super::machine::{Vm, object};
use super::mode::Would;
use super::replaced;
use super::server::Server;

/// The most bytes of a picture that are read: four times those of the largest screen that QEMU makes by itself.
const MOST: u64 = 512 << 20;

/// Which screen is meant, and where its picture goes.
#[derive(Debug, Clone, Default)]
pub struct Shot {
    /// The picture, as an absolute path.
    pub file: PathBuf,
    /// Whether a file of that name may be replaced.
    pub replace: bool,
    /// The id of the display device (QEMU 2.12); else the first.
    pub device: Option<String>,
    /// The head of that device; else its first.
    pub head: Option<i64>,
}

/// What the picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// In pixels; none in a dry run.
    pub width: u32,
    /// In pixels; none in a dry run.
    pub height: u32,
}

/// The file beside a picture that QEMU writes into.
pub fn unfinished(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".unfinished");
    file.with_file_name(name)
}

impl Vm {
    /// Takes a picture of a screen (`screendump`), and gives its size; none in a dry run.
    ///
    /// Waits up to 30 s. When it fails or is dropped, nothing is left of it. Fails when the file is there already and
    /// may not be replaced, and when QEMU has another file system than this host.
    pub async fn screenshot(&self, shot: &Shot) -> Result<Option<Size>, Error> {
        let settings = self.settings();
        let is_replay = settings.recording.is_replay();
        let is_real = !is_replay && !settings.mode.is_dry_run() && !settings.mode.is_read_only();
        let file = &shot.file;
        if !is_replay && !shot.replace && file.symlink_metadata().is_ok() {
            return Err(self.file_error("write", file, "it exists already"));
        }
        if is_real {
            replaced::check(file).map_err(|error| self.file_error("write", file, error))?;
        }
        let beside = Beside(unfinished(file));
        if is_real {
            let process = Server::of(self).await?.pid();
            let process = process.or(self.target().identity().pid);
            beside
                .make(process)
                .map_err(|error| self.file_error("make", &beside.0, error))?;
        }
        let arguments = object(json!({
            "filename": beside.0, "device": shot.device, "head": shot.head,
        }));
        let given = arguments.into_iter().filter(|(_, value)| !value.is_null());
        self.call("screendump", given.collect()).await?;
        let written = Would::File {
            doing: "write",
            path: file,
        };
        if settings.mode.tells(&written) {
            return Ok(None);
        }
        let of = format!("the picture {}", file.display());
        let size: Result<Size, String> = settings
            .recording
            .observe(&of, || beside.finish(file, shot.replace))
            .map_err(|difference| self.error(difference))?;
        size.map(Some)
            .map_err(|why| self.file_error("write", file, why))
    }

    fn file_error(&self, doing: &'static str, path: &Path, why: impl ToString) -> Error {
        self.error(ErrorKind::Host {
            doing,
            path: path.to_owned(),
            source: why.to_string(),
        })
    }
}

/// The file beside the picture, which is gone when this is dropped.
struct Beside(PathBuf);

impl Beside {
    /// Makes it empty, for QEMU.
    fn make(&self, process: Option<u32>) -> io::Result<()> {
        self.remove()?;
        handed::make_file(&self.0, process)
    }

    /// Removes what a run that was killed has left, or this one.
    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes the picture of what QEMU wrote.
    fn finish(&self, file: &Path, replace: bool) -> Result<Size, String> {
        let told = |error: io::Error| error.to_string();
        let mut dump = Vec::new();
        let opened = fs::File::open(&self.0);
        opened
            .and_then(|file| file.take(MOST).read_to_end(&mut dump))
            .map_err(told)?;
        if dump.is_empty() {
            return Err("QEMU wrote the picture to a file of that name elsewhere: it runs on another host, or in a file system \
                        of its own"
                .to_owned());
        }
        let screen = Screen::read(&dump).ok_or("what QEMU wrote is no picture (PPM)")?;
        let png = screen.png().map_err(|error| error.to_string())?;
        // QEMU's file is QEMU's user's.
        self.remove().map_err(told)?;
        let mut options = OpenOptions::new();
        let made = options
            .write(true)
            .create_new(true)
            .mode(0o666)
            .open(&self.0);
        made.and_then(|mut made| {
            made.write_all(&png)?;
            made.sync_all()
        })
        .map_err(told)?;
        let flags = if replace {
            RenameFlags::empty()
        } else {
            RenameFlags::NOREPLACE
        };
        renameat_with(CWD, &self.0, CWD, file, flags).map_err(|error| told(error.into()))?;
        Ok(screen.size)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // What cannot be removed is taken away by the next picture of that name.
        let _ = self.remove();
    }
}

/// A screen as QEMU writes it: `P6`, width, height, the highest value (255), and three bytes for each pixel.
struct Screen<'a> {
    size: Size,
    pixels: &'a [u8],
}

impl<'a> Screen<'a> {
    fn read(dump: &'a [u8]) -> Option<Self> {
        let mut rest = dump;
        let mut word = || {
            let end = rest.iter().position(u8::is_ascii_whitespace)?;
            let word = std::str::from_utf8(&rest[..end]).ok()?;
            rest = &rest[end + 1..];
            Some(word)
        };
        if word()? != "P6" {
            return None;
        }
        let size = Size {
            width: word()?.parse().ok()?,
            height: word()?.parse().ok()?,
        };
        let is_bytes = word()? == "255";
        let bytes = u128::from(size.width) * u128::from(size.height) * 3;
        let is_whole = bytes > 0 && rest.len() as u128 == bytes;
        (is_bytes && is_whole).then_some(Self { size, pixels: rest })
    }

    fn png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.size.width, self.size.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(self.pixels)?;
        writer.finish()?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{Screen, Size};

    #[test]
    fn a_screen_of_qemus_becomes_a_png_of_the_same_pixels() {
        let dump = b"P6\n2 1\n255\n\x0a\x20\x09\xff\x00\x01";
        let screen = Screen::read(dump).unwrap();
        let size = Size {
            width: 2,
            height: 1,
        };
        assert_eq!(screen.size, size);
        let png = screen.png().unwrap();
        let decoder = png::Decoder::new(std::io::Cursor::new(png));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, b"\x0a\x20\x09\xff\x00\x01");
    }

    #[test]
    fn what_is_cut_off_or_no_screen_is_no_picture() {
        for dump in [
            &b""[..],
            b"P6",
            b"P6\n2 1\n255\n12345",
            b"P6\n2 1\n255\n1234567",
            b"P6\n0 0\n255\n",
            b"P6\n4294967295 4294967295\n255\n1",
            b"P5\n1 1\n255\n123",
            b"P6\n-1 1\n255\n123",
            b"\x89PNG\r\n",
        ] {
            assert!(Screen::read(dump).is_none(), "{dump:?}");
        }
    }
}
