//! Who else than this user and root can write where a file's permissions let its group write.
//!
//! A group is the user's own when it is their primary one and nobody else is in it, as most systems set users up. All
//! other groups are others': programs run in groups that have no members at all.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::geteuid;

use crate::wire::escape::escaped;

/// The users and groups of this host. Those of a directory service are not among them, and so nobody's own.
pub(super) struct Accounts {
    users: String,
    groups: String,
}

impl Accounts {
    pub(super) fn of_this_host() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self {
            users: read("/etc/passwd"),
            groups: read("/etc/group"),
        }
    }

    /// Who can write to the file or folder at `path`, in words; nobody but this user and root where none.
    pub(super) fn writers(&self, path: &Path, data: &Metadata) -> Option<String> {
        if data.mode() & 0o002 != 0 {
            return Some("other users".to_owned());
        }
        if data.mode() & 0o020 == 0 {
            return None;
        }
        // The bits of the group are then those that a list may give at most, to whomever it names.
        if has_access_list(path) {
            return Some("those whom its access list names".to_owned());
        }
        self.others_in(data.gid(), geteuid().as_raw())
    }

    /// The group, in words, where others than this user and root are in it, or may be.
    fn others_in(&self, group: u32, user: u32) -> Option<String> {
        let (name, members) = self.group(group);
        let name = name.map_or_else(
            || format!("the group {group}"),
            |name| format!("the group `{}`", escaped(name)),
        );
        let with = |others: Vec<&str>| format!("{name} (`{}`)", escaped(&others.join("`, `")));
        let is_other = |member: &&str| {
            let mut ids = self.users().filter(|other| other.name == *member);
            let is_known = ids.clone().next().is_some();
            !is_known || ids.any(|other| other.id != user && other.id != 0)
        };
        let others: Vec<&str> = members.filter(is_other).collect();
        if !others.is_empty() {
            return Some(with(others));
        }
        // Root's own; some systems have accounts in it that nobody uses.
        if group == 0 {
            return None;
        }
        let mut here = self.users().filter(|other| other.group == group);
        if !here.any(|other| other.id == user) {
            return Some(name);
        }
        let mut others = self.users().filter(|other| other.group == group);
        let other = others.find(|other| other.id != user && other.id != 0)?;
        Some(with(vec![other.name]))
    }

    /// A group's name and those whom it lists as members.
    fn group(&self, id: u32) -> (Option<&str>, impl Iterator<Item = &str>) {
        let mut of_id = self.groups.lines().filter_map(move |line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let number: u32 = fields.nth(1)?.parse().ok()?;
            (number == id).then(|| (name, fields.next().unwrap_or_default()))
        });
        // A group may stand there twice, under two names.
        let name = of_id.clone().next().map(|(name, _)| name);
        let members = of_id
            .by_ref()
            .flat_map(|(_, members)| members.split(','))
            .map(str::trim)
            .filter(|member| !member.is_empty())
            .collect::<Vec<_>>();
        (name, members.into_iter())
    }

    fn users(&self) -> impl Iterator<Item = User<'_>> + Clone {
        self.users.lines().filter_map(|line| {
            let mut fields = line.split(':');
            Some(User {
                name: fields.next()?,
                id: fields.nth(1)?.parse().ok()?,
                group: fields.next()?.parse().ok()?,
            })
        })
    }
}

/// A line of `/etc/passwd`.
struct User<'a> {
    name: &'a str,
    id: u32,
    group: u32,
}

/// Whether more is allowed than the permission bits say. Where that cannot be asked, there are no such lists.
fn has_access_list(path: &Path) -> bool {
    let mut list = [0_u8; 64];
    match rustix::fs::getxattr(path, "system.posix_acl_access", &mut list[..]) {
        Ok(length) => length > 0,
        Err(error) => error == Errno::RANGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\nsync:x:5:0::/:/bin/sync\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:100::/:/bin/sh\ncarol:x:1002:1002::/:/bin/sh\ndave:x:1003:1002::/:/bin/sh\nerin:x:1004:1004::/:/bin/sh\nbroken:x\n";
    const GROUPS: &str = "root:x:0:\nusers:x:100:\nkvm:x:104:\nalice:x:1000:\ncarol:x:1002:\nerin:x:1004:root,erin\nops:x:2000:alice\nbroken\n";

    fn others(group: u32, user: u32) -> Option<String> {
        let accounts = Accounts {
            users: USERS.to_owned(),
            groups: GROUPS.to_owned(),
        };
        accounts.others_in(group, user)
    }

    #[test]
    fn ones_own_group_and_roots_have_nobody_else_in_them() {
        assert_eq!(others(1000, 1000), None);
        assert_eq!(others(1004, 1004), None);
        for user in [0, 1000, 4711] {
            assert_eq!(others(0, user), None);
        }
    }

    #[test]
    fn a_group_with_other_members_is_named_with_them() {
        assert_eq!(others(1002, 1002).unwrap(), "the group `carol` (`dave`)");
        assert_eq!(others(1000, 0).unwrap(), "the group `alice`");
        let accounts = |groups: &str| Accounts {
            users: USERS.to_owned(),
            groups: groups.to_owned(),
        };
        let named = |groups: &str, group, user| accounts(groups).others_in(group, user);
        assert_eq!(
            named("alice:x:1000:alice,bob,far", 1000, 1000).unwrap(),
            "the group `alice` (`bob`, `far`)"
        );
        assert_eq!(
            named("root:x:0:bob", 0, 0).unwrap(),
            "the group `root` (`bob`)"
        );
        // The second line of a number counts too.
        let twice = "alice:x:1000:\nother:x:1000:bob";
        assert!(named(twice, 1000, 1000).is_some());
    }

    #[test]
    fn a_group_that_is_not_the_users_own_is_others_whoever_is_in_it() {
        assert_eq!(others(104, 0).unwrap(), "the group `kvm`");
        assert_eq!(others(2000, 1000).unwrap(), "the group `ops`");
        assert_eq!(others(100, 1000).unwrap(), "the group `users`");
        assert_eq!(others(3000, 1000).unwrap(), "the group 3000");
        // A user of a directory service.
        assert_eq!(others(4711, 4711).unwrap(), "the group 4711");
    }
}
