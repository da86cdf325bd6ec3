//! The name that somebody meant who wrote one that does not exist.

/// The candidate that comes nearest to `name`, if one is near enough to be a slip of the pen.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let slips = (name.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ``did you mean `web01`?``, if a candidate is near.
pub fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(name, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_pen_finds_what_was_meant() {
        let names = ["sleep", "retry", "parallel", "print"];
        for (written, meant) in [
            ("slepe", "sleep"),
            ("paralel", "parallel"),
            ("Print", "print"),
            ("retr", "retry"),
        ] {
            assert_eq!(nearest(written, names), Some(meant));
        }
    }

    #[test]
    fn something_else_finds_nothing() {
        assert_eq!(nearest("x", ["sleep", "retry"]), None);
        assert_eq!(nearest("snapshot", ["sleep", "retry"]), None);
        assert_eq!(nearest("", ["a1"]), None);
    }
}
