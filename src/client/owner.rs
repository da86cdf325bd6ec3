//! Whose a file is: to tell as whom one has to ask.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The user who owns the file at `path`, or where a folder hides it, the one who owns that folder.
pub(super) fn owner(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let seen = path.ancestors().find_map(|path| fs::metadata(path).ok())?;
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    Some(name(&users, seen.uid()))
}

/// The name that goes with a number in `/etc/passwd`; users that are only in a directory service stay numbers.
fn name(users: &str, uid: u32) -> String {
    let uid = uid.to_string();
    let named = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| format!("uid {uid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_known_by_name_or_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\nqemu:x:107:107::/:/bin/false\n";
        assert_eq!(name(users, 107), "qemu");
        assert_eq!(name(users, 108), "uid 108");
        assert_eq!(name("", 0), "uid 0");
    }

    #[test]
    fn a_file_that_is_not_there_belongs_to_who_owns_its_folder() {
        assert_eq!(owner(Path::new("/nonexistent/a/b")), owner(Path::new("/")));
    }
}
