//! Medians, spreads and trends of measured values. Pure.

/// The value below which a share `q` of the values lies, 0 to 1, between the two nearest ones; none
/// of no values.
pub(crate) fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let place = q.clamp(0.0, 1.0) * count(last);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and a length"
    )]
    let below = place.floor() as usize;
    let above = sorted[(below + 1).min(last)];
    Some(sorted[below] + (above - sorted[below]) * place.fract())
}

/// The middle one; between the two middle ones of an even number.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The least and the greatest.
pub(crate) fn range(values: &[f64]) -> Option<(f64, f64)> {
    Some((quantile(values, 0.0)?, quantile(values, 1.0)?))
}

/// The slope of the straight line that is nearest to the points by least squares; none of fewer
/// than two places.
pub(crate) fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let mean =
        |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count(points.len());
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|p| of(p.0 - x, p.1 - y)).sum();
    let (spread, together): (f64, f64) = (sum(&|dx, _| dx * dx), sum(&|dx, dy| dx * dy));
    (spread > 0.0).then(|| together / spread)
}

/// A number of things that fits into memory, exactly enough.
#[expect(clippy::cast_precision_loss, reason = "below 2^52")]
pub(crate) fn count(things: usize) -> f64 {
    things as f64
}

/// A number of bytes, milliseconds or records, exactly enough.
#[expect(clippy::cast_precision_loss, reason = "below 2^52")]
pub(crate) fn number(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_the_nearest_values() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(median(&values), Some(2.5));
        assert_eq!(median(&values[..3]), Some(3.0));
        assert_eq!(quantile(&values, 0.25), Some(1.75));
        assert_eq!(range(&values), Some((1.0, 4.0)));
        assert_eq!((median(&[]), median(&[7.0])), (None, Some(7.0)));
    }

    #[test]
    fn the_slope_is_that_of_the_nearest_line() {
        let line: Vec<(f64, f64)> = (0..10u8)
            .map(f64::from)
            .map(|x| (x, 3.0 - 2.0 * x))
            .collect();
        assert_eq!(slope(&line), Some(-2.0));
        assert_eq!(slope(&[(0.0, 0.0), (1.0, 5.0), (2.0, 4.0)]), Some(2.0));
        assert_eq!((slope(&[]), slope(&[(1.0, 1.0), (1.0, 2.0)])), (None, None));
    }
}
