//! Rules with all their durations divided by one number, so that a test does not wait for minutes.
//! Pure. Refuses a duration that would not stay a whole number of seconds.

use anyhow::{Context, Result, ensure};

/// Divides what follows `for:` and what stands in square brackets; all else stays as it is.
pub(super) fn hurried(rules: &str, times: u64) -> Result<String> {
    let mut text = String::new();
    for line in rules.lines() {
        text += &hurried_line(line, times).with_context(|| line.to_owned())?;
        text.push('\n');
    }
    Ok(text)
}

fn hurried_line(line: &str, times: u64) -> Result<String> {
    if line.trim_start().starts_with('#') {
        return Ok(line.to_owned());
    }
    if let Some((indent, duration)) = line.split_once("for: ")
        && indent.trim().is_empty()
    {
        return Ok(format!("{indent}for: {}", divided(duration, times)?));
    }
    let mut parts = line.split('[');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push('[');
        // otherwise a list
        if part.starts_with(|c: char| c.is_ascii_digit()) {
            let (range, behind) = part.split_once(']').context("a bracket stays open")?;
            text.extend([&divided(range, times)?, "]", behind]);
        } else {
            text.push_str(part);
        }
    }
    Ok(text)
}

/// A number and a unit, e.g. `10m`.
fn divided(duration: &str, times: u64) -> Result<String> {
    let unit = duration.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = duration.strip_suffix(unit).unwrap_or_default();
    let number = number.parse::<u64>();
    let number = number.with_context(|| format!("{duration} has no number"))?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => anyhow::bail!("{duration} has no unit that is known"),
    };
    let all = number * seconds;
    ensure!(
        all % times == 0 && all > 0,
        "{duration} divided by {times} is no whole number of seconds"
    );
    Ok(format!("{}s", all / times))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_divided_and_nothing_else() {
        let rules = "groups: [{name: g, rules: [\n  # for 5m, [5m]\n  - alert: A\n\
                     expr: a[5m] + b{c=\"d\"} > 60 * e[1h]\n    for: 10m\n  for a job\n";
        let expected = "groups: [{name: g, rules: [\n  # for 5m, [5m]\n  - alert: A\n\
                        expr: a[15s] + b{c=\"d\"} > 60 * e[180s]\n    for: 30s\n  for a job\n";
        assert_eq!(hurried(rules, 20).unwrap(), expected);
    }

    #[test]
    fn what_would_vanish_or_is_not_understood_is_refused() {
        for line in ["a[5m", "a[5m:1m]", "for: 10", "for: 30s", "for: m"] {
            assert!(hurried(line, 20).is_err(), "{line}");
        }
    }
}
