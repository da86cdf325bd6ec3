//! What may be in the way of a file that takes another's place.

use std::io;
use std::path::Path;

/// Fails where something other than a file is there: a device, a pipe or a socket that a file takes the place of is lost to
/// all that use it, and for root `/dev/null` is one.
pub fn check(path: &Path) -> io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::other("it is there, and is no regular file"));
    }
    Ok(())
}
