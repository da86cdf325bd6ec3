//! Which VM a name means. A text is compared with UUIDs, then names, then labels, then the ids that providers give, and
//! last with the beginnings of UUIDs; the first of these that fits any VM decides, and must fit one only.

use super::found::Found;

/// The fewest digits of a UUID that stand for the whole: fewer fit by chance.
const SHORTEST_PREFIX: usize = 4;

/// The digits of a UUID.
const DIGITS: usize = 32;

/// What a text means among the VMs that are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning<'a> {
    /// Nothing.
    Nothing,
    /// This one.
    One(&'a Found),
    /// Any of these.
    Several(Vec<&'a Found>),
}

/// The VM that `text` means among `vms`. One that is shut off is meant only where no other is.
pub(super) fn meaning<'a>(text: &str, vms: &'a [Found]) -> Meaning<'a> {
    let whole = uuid(text);
    let has = |names: &[String]| names.iter().any(|name| name == text);
    let fits: [&dyn Fn(&Found) -> bool; 5] = [
        &|vm| whole.is_some() && vm.uuid == whole,
        &|vm| vm.names().any(|name| name == text),
        &|vm| has(&vm.labels),
        &|vm| vm.id.as_deref() == Some(text),
        &|vm| begins_uuid(text, vm),
    ];
    for fits in fits {
        let meant: Vec<&Found> = vms.iter().filter(|vm| fits(vm)).collect();
        let mut running: Vec<&Found> = meant.iter().copied().filter(|vm| !vm.is_off).collect();
        if running.is_empty() {
            running = meant;
        }
        match running[..] {
            [] => {}
            [one] => return Meaning::One(one),
            _ => return Meaning::Several(running),
        }
    }
    Meaning::Nothing
}

/// Whether a text is the beginning of the VM's UUID, with or without dashes, and long enough to stand for it.
pub(super) fn begins_uuid(text: &str, vm: &Found) -> bool {
    let uuid = vm.uuid.as_deref();
    uuid.is_some_and(|uuid| prefix(text).is_some_and(|prefix| digits(uuid).starts_with(&prefix)))
}

/// The shortest beginning of the VM's UUID that stands for it, where the text is a shorter one.
pub fn too_short(text: &str, vm: &Found) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let is_short = (1..SHORTEST_PREFIX).contains(&text.len());
    let uuid = vm.uuid.as_deref().filter(|_| is_short)?;
    let shortest = || uuid.get(..SHORTEST_PREFIX).map(str::to_owned);
    uuid.starts_with(&text).then(shortest).flatten()
}

/// Whether a text that names no VM is written as a pattern is.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// All that `vm` can be called by, for those who look for what was meant.
pub fn callable(vm: &Found) -> impl Iterator<Item = &str> {
    let labels = vm.labels.iter().map(String::as_str);
    vm.names()
        .chain(labels)
        .chain(vm.id.as_deref())
        .chain(vm.uuid.as_deref())
}

/// A UUID as it is compared: lower case, with dashes. None for what is no UUID, and for the zero UUID, which QEMU gives to
/// VMs that have none. Dashes may be left out altogether.
pub(super) fn uuid(text: &str) -> Option<String> {
    let has_dashes = text.len() == DIGITS + 4;
    if !has_dashes && text.len() != DIGITS {
        return None;
    }
    let mut uuid = String::with_capacity(DIGITS + 4);
    for character in text.chars() {
        let at = uuid.len();
        if matches!(at, 8 | 13 | 18 | 23) {
            uuid.push('-');
            if has_dashes {
                if character != '-' {
                    return None;
                }
                continue;
            }
        }
        if !character.is_ascii_hexdigit() {
            return None;
        }
        uuid.push(character.to_ascii_lowercase());
    }
    uuid.contains(|digit| !matches!(digit, '0' | '-'))
        .then_some(uuid)
}

/// The digits of a UUID's beginning.
fn prefix(text: &str) -> Option<String> {
    let is_one = text
        .chars()
        .all(|next| next.is_ascii_hexdigit() || next == '-');
    let digits = digits(text).to_ascii_lowercase();
    (is_one && (SHORTEST_PREFIX..DIGITS).contains(&digits.len())).then_some(digits)
}

fn digits(uuid: &str) -> String {
    uuid.replace('-', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "0e4d9e6a-0000-4000-8000-000000000001";
    const SECOND: &str = "0e4d9e6a-0000-4000-8000-0000000000ff";

    fn vm(name: &str, uuid: &str) -> Found {
        Found {
            name: Some(name.to_owned()),
            uuid: Some(uuid.to_owned()),
            ..Found::new("process")
        }
    }

    fn names(text: &str, vms: &[Found]) -> Vec<String> {
        match meaning(text, vms) {
            Meaning::Nothing => Vec::new(),
            Meaning::One(vm) => vec![vm.label()],
            Meaning::Several(vms) => vms.into_iter().map(Found::label).collect(),
        }
    }

    #[test]
    fn a_uuid_is_one_in_any_case_with_or_without_dashes_and_zeros_are_none() {
        for text in [
            FIRST,
            "0E4D9E6A-0000-4000-8000-000000000001",
            "0e4d9e6a000040008000000000000001",
        ] {
            assert_eq!(uuid(text).as_deref(), Some(FIRST), "{text}");
        }
        for text in [
            "",
            "web01",
            "00000000-0000-0000-0000-000000000000",
            "00000000000000000000000000000000",
            "0e4d9e6a00004-000-8000-000000000001x",
            "0e4d9e6a-0000-4000-8000-00000000000",
            "0e4d9e6a-0000-4000-8000-00000000000g",
            "ä".repeat(16).as_str(),
            "ä".repeat(18).as_str(),
        ] {
            assert_eq!(uuid(text), None, "{text}");
        }
    }

    #[test]
    fn each_way_to_name_a_vm_works_and_the_more_exact_one_counts() {
        let mut web = vm("web01", FIRST);
        web.id = Some("104".to_owned());
        web.labels = vec!["prod".to_owned()];
        web.aliases = vec!["www".to_owned()];
        let mut db = vm("104", SECOND);
        db.id = Some("105".to_owned());
        let vms = [web, db];
        for (text, meant) in [
            (FIRST, "web01"),
            ("0E4D9E6A000040008000000000000001", "web01"),
            ("web01", "web01"),
            ("www", "web01"),
            ("prod", "web01"),
            // A name comes before an id.
            ("104", "104"),
            ("105", "104"),
            ("0e4d9e6a-0000-4000-8000-00000000000", "web01"),
            ("0E4D9E6A0000400080000000000000f", "104"),
        ] {
            assert_eq!(names(text, &vms), [meant], "{text}");
        }
        assert_eq!(names("0e4d", &vms), ["web01", "104"]);
        for text in ["0e4", "WEB01", "web0", "", "-", "----"] {
            assert_eq!(meaning(text, &vms), Meaning::Nothing, "{text}");
        }
    }

    #[test]
    fn the_zero_uuid_means_nobody() {
        let zero = "00000000-0000-0000-0000-000000000000";
        let nobody = Found::new("process");
        for text in [zero, "0000", "00000000"] {
            assert_eq!(
                meaning(text, std::slice::from_ref(&nobody)),
                Meaning::Nothing
            );
        }
    }

    #[test]
    fn a_vm_that_is_shut_off_is_meant_where_no_other_is() {
        let mut off = vm("web01", FIRST);
        off.is_off = true;
        let on = vm("web01", SECOND);
        assert_eq!(
            meaning("web01", &[off.clone(), on.clone()]),
            Meaning::One(&on)
        );
        assert_eq!(
            meaning("web01", std::slice::from_ref(&off)),
            Meaning::One(&off)
        );
        assert!(matches!(
            meaning("web01", &[on.clone(), on]),
            Meaning::Several(_)
        ));
    }
}
