//! The demo's table: a row for each checkpoint. Pure.

use super::ledger::{Entry, seconds};

/// Above the rows of [`row`].
pub(super) const HEADER: &str = concat!(
    "  checkpoint   completed on the primary   published on the secondary",
    "       lag   files       bytes\n",
    "                                  (UTC)                        (UTC)",
);

/// One checkpoint in the table.
pub(super) fn row(entry: &Entry) -> String {
    let lag = entry.lag_ms().map(|ms| format!("{:.3} s", seconds(ms)));
    let (files, bytes) = entry.files_and_bytes.unzip();
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    let dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    format!(
        "  {:>10}   {:>24}   {:>26}   {:>7}   {:>5}   {:>9}",
        entry.id,
        dash(entry.completed_ms.map(time_of_day)),
        dash(entry.published_ms.map(time_of_day)),
        dash(lag),
        dash(number(files)),
        dash(number(bytes)),
    )
}

/// `13:05:09.042`, in UTC.
fn time_of_day(ms: u64) -> String {
    let (seconds, ms) = (ms / 1_000 % 86_400, ms % 1_000);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{ms:03}", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_stands_below_its_header() {
        let entry = Entry {
            id: 7,
            completed_ms: Some(86_400_000 + 13 * 3_600_000 + 5 * 60_000 + 9_042),
            published_ms: Some(86_400_000 + 13 * 3_600_000 + 5 * 60_000 + 9_999),
            files_and_bytes: Some((12, 9_876_543)),
            ..Entry::default()
        };
        let row = row(&entry);
        assert!(
            row.contains("13:05:09.042") && row.contains("0.957 s"),
            "{row}"
        );
        let width = HEADER.lines().next().map(str::len);
        assert_eq!(Some(row.len()), width, "{row}");
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        assert_eq!(row(&Entry::default()).matches(" -").count(), 5);
    }
}
