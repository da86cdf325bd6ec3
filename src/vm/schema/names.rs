//! `-` and `_` in what people write: QMP mixes them (`device_add`, `blockdev-add`), and nobody should have to know.

/// The candidate that `written` means: itself, or the only one that differs in nothing but `-` and `_`.
pub fn find<'a>(
    written: &str,
    candidates: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    if let Some(exact) = candidates.clone().find(|candidate| *candidate == written) {
        return Some(exact);
    }
    let mut alike = candidates.filter(|candidate| is_alike(candidate, written));
    let found = alike.next()?;
    alike.next().is_none().then_some(found)
}

/// Whether two names differ in nothing but `-` and `_`.
pub(super) fn is_alike(one: &str, other: &str) -> bool {
    let fold = |byte: u8| if byte == b'_' { b'-' } else { byte };
    one.len() == other.len()
        && one
            .bytes()
            .zip(other.bytes())
            .all(|(one, other)| fold(one) == fold(other))
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn a_name_is_found_whichever_way_it_is_written_unless_two_are_meant() {
        let names = ["device_add", "blockdev-add", "a-b", "a_b", "query-status"];
        let found = |written| find(written, names.iter().copied());
        assert_eq!(found("device_add"), Some("device_add"));
        assert_eq!(found("device-add"), Some("device_add"));
        assert_eq!(found("blockdev_add"), Some("blockdev-add"));
        assert_eq!(found("a-b"), Some("a-b"));
        assert_eq!(found("a_b"), Some("a_b"));
        assert_eq!(found("query.status"), None);
        assert_eq!(find("a-b-c", ["a_b-c", "a-b_c"].into_iter()), None);
    }
}
