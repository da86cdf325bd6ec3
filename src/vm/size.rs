//! Sizes as people write them, in scripts' arguments and commands': `10G`, `1.5GiB`, bytes without a unit; and as they say
//! them.

/// The units of 1024s.
const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// The bytes in the unit that people would say: `512 B`, `1.5 KiB`, `10 GiB`.
pub fn human(bytes: u64) -> String {
    let mut units = UNITS.iter().enumerate().rev();
    let Some((power, unit)) = units.find(|(power, _)| bytes >> (10 * (power + 1)) > 0) else {
        return format!("{bytes} B");
    };
    let power = power + 1;
    let tenths = (u128::from(bytes) * 10 + (1 << (10 * power - 1))) >> (10 * power);
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} {unit}"),
        (whole, tenth) => format!("{whole}.{tenth} {unit}"),
    }
}

/// The bytes that `word` means: a number, maybe with a unit of 1024s. None if it is no size, or too large for a script.
pub fn parse(word: &str) -> Option<i64> {
    let digits = word
        .find(|next: char| !next.is_ascii_digit() && next != '.')
        .unwrap_or(word.len());
    let (number, unit) = word.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    let power = match unit
        .strip_suffix("ib")
        .or(unit.strip_suffix('b'))
        .unwrap_or(&unit)
    {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        "e" => 6,
        _ => return None,
    };
    let unit = 1024_i64.pow(power);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let whole = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    if part.is_empty() {
        return (!number.ends_with('.')).then_some(whole);
    }
    // In integers, so that 0.1T is not off by a float's error. More digits than this say nothing.
    let part = part.get(..9).unwrap_or(part);
    let scale = 10_i128.pow(u32::try_from(part.len()).ok()?);
    let part = i64::try_from(part.parse::<i128>().ok()? * i128::from(unit) / scale).ok()?;
    whole.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::{human, parse};

    #[test]
    fn sizes_are_said_as_people_say_them() {
        for (bytes, said) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (10 << 30, "10 GiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(human(bytes), said, "{bytes}");
        }
    }

    #[test]
    fn sizes_are_exact_in_units_of_1024() {
        for (word, expected) in [
            ("0", Some(0)),
            ("4096", Some(4096)),
            ("10G", Some(10 << 30)),
            ("1.5GiB", Some(3 << 29)),
            ("512 MB", Some(512 << 20)),
            ("0.1T", Some(109_951_162_777)),
            ("8P", Some(8 << 50)),
            ("8192P", None),
            ("7E", Some(7 << 60)),
            ("8E", None),
            ("-1", None),
            ("1.", None),
            (".5G", None),
            ("1X", None),
            ("", None),
        ] {
            assert_eq!(parse(word), expected, "{word}");
        }
    }
}
