//! Amounts of bytes, as people write and read them.

/// Units: of a thousand, and of 1,024.
const UNITS: [(&str, u64); 11] = [
    ("", 1),
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("PB", 1_000_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Reads an amount such as 40TB or 512MiB.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no amount of bytes: write it as 40TB, 500GB or 512MiB");
    let end = text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).ok_or_else(wrong)?;
    let unit = unit.trim().to_lowercase();
    let factor = UNITS.iter().find(|(name, _)| name.to_lowercase() == unit).map(|(_, factor)| *factor);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(factor.ok_or_else(wrong)?).ok_or_else(wrong)
}

/// Writes an amount with three digits or more, in thousands.
pub(crate) fn written(bytes: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut shown = (bytes, units.first().copied().unwrap_or_default());
    for unit in units.into_iter().skip(1) {
        if shown.0 < 10_000 {
            break;
        }
        shown = (shown.0 / 1_000, unit);
    }
    format!("{} {}", shown.0, shown.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_with_their_units() {
        assert_eq!(bytes("40TB"), Ok(40_000_000_000_000));
        assert_eq!(bytes("512 MiB"), Ok(512 << 20));
        assert_eq!((bytes("7"), bytes("7b"), bytes("1kb")), (Ok(7), Ok(7), Ok(1_000)));
        for wrong in ["", "TB", "-1", "1.5GB", "40 parsecs", "99999999999999999999", "99999PB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn amounts_are_written_short() {
        let all = [0, 9_999, 10_000, 40_000_000_000_000, u64::MAX].map(written);
        assert_eq!(all, ["0 bytes", "9999 bytes", "10 kB", "40 TB", "18 EB"]);
    }
}
