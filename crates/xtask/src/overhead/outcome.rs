//! What came of the turns: medians, their ratios, and how much the machine varies by itself. Pure.

use serde_json::{Value, json};

use super::TURNS;
use super::turn::Turn;
use crate::figures::{median, quantile, range};

/// All turns with one state of the secondary, in the order in which they were taken.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) secondary: &'static str,
    pub(super) plain: Vec<Turn>,
    pub(super) product: Vec<Turn>,
    /// The machine's load averages before and after.
    pub(super) load: [String; 2],
}

/// What is compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    /// The goal for the ratio of the product's to the plain.
    pub(super) goal: Option<&'static str>,
    values: fn(&Turn) -> Vec<f64>,
}

/// In the order in which they are shown.
pub(super) const MEASURES: [Measure; 3] = [
    Measure {
        name: "checkpoint",
        unit: "ms",
        goal: Some("<= 1.02"),
        values: |turn| turn.durations_ms.clone(),
    },
    Measure {
        name: "throughput",
        unit: "records/s",
        goal: Some(">= 0.98"),
        values: |turn| vec![turn.records_per_second],
    },
    Measure {
        name: "processor",
        unit: "cores",
        goal: None,
        values: |turn| vec![turn.cores],
    },
];

/// One measure of both jobs.
#[derive(Debug, PartialEq)]
pub(super) struct Compared {
    /// Lower quartile, median, upper quartile.
    pub(super) plain: [f64; 3],
    pub(super) product: [f64; 3],
    /// Of the medians of each round, product to plain; the median of the rounds.
    pub(super) ratio: f64,
    /// The least and the greatest of the rounds.
    pub(super) ratio_range: (f64, f64),
    /// Of each round, the plain job's last turn to its first: what the machine does by itself.
    pub(super) noise_range: (f64, f64),
}

impl Case {
    /// Lower quartile, median, upper quartile of what the library's threads use for each MB of
    /// checkpoints, in milliseconds of a processor.
    pub(super) fn library(&self) -> Option<[f64; 3]> {
        let turns = self.product.iter().map(|turn| turn.library_ms_per_mb);
        quartiles(&turns.collect::<Vec<_>>())
    }

    /// None if there was no turn.
    pub(super) fn compare(&self, measure: &Measure) -> Option<Compared> {
        let pooled = |turns: &[Turn]| turns.iter().flat_map(measure.values).collect::<Vec<f64>>();
        let rounds = || self.plain.chunks(TURNS).zip(self.product.chunks(TURNS));
        let ratios: Option<Vec<f64>> = rounds()
            .map(|(plain, product)| Some(median(&pooled(product))? / median(&pooled(plain))?))
            .collect();
        let noise: Option<Vec<f64>> = rounds()
            .map(|(plain, _)| {
                let (first, last) = (plain.first()?, plain.last()?);
                Some(median(&(measure.values)(last))? / median(&(measure.values)(first))?)
            })
            .collect();
        let ratios = ratios?;
        Some(Compared {
            plain: quartiles(&pooled(&self.plain))?,
            product: quartiles(&pooled(&self.product))?,
            ratio: median(&ratios)?,
            ratio_range: range(&ratios)?,
            noise_range: range(&noise?)?,
        })
    }

    /// For machines: the figures, and what they were made of.
    pub(super) fn json(&self) -> Value {
        let measures = MEASURES.iter().filter_map(|measure| {
            let compared = self.compare(measure)?;
            let value = json!({
                "unit": measure.unit,
                "plain": compared.plain,
                "product": compared.product,
                "ratio": compared.ratio,
                "ratio_range": compared.ratio_range,
                "plain_to_itself_range": compared.noise_range,
                "goal": measure.goal,
            });
            Some((measure.name.to_owned(), value))
        });
        json!({
            "secondary": self.secondary,
            "load": self.load,
            "measures": measures.collect::<serde_json::Map<_, _>>(),
            "plain_turns": self.plain.iter().map(Turn::json).collect::<Vec<_>>(),
            "product_turns": self.product.iter().map(Turn::json).collect::<Vec<_>>(),
        })
    }
}

fn quartiles(values: &[f64]) -> Option<[f64; 3]> {
    let at = |q| quantile(values, q);
    Some([at(0.25)?, at(0.5)?, at(0.75)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(ms: f64, records_per_second: f64) -> Turn {
        Turn {
            durations_ms: vec![ms, ms + 1.0, ms - 1.0],
            bytes_per_second: 1.0,
            records_per_second,
            full_bytes_per_second: 1.0,
            cores: 0.5,
            library_ms_per_mb: 2.0,
        }
    }

    /// Half of the turns take `first`, the others `last`.
    fn round(first: f64, last: f64, records_per_second: f64) -> Vec<Turn> {
        let half = |ms| (0..TURNS / 2).map(move |_| turn(ms, records_per_second));
        half(first).chain(half(last)).collect()
    }

    #[test]
    fn each_round_is_compared_with_itself() {
        let case = Case {
            secondary: "healthy",
            // The machine is half as fast in the second round.
            plain: [round(100.0, 110.0, 10.0), round(200.0, 200.0, 5.0)].concat(),
            product: [round(105.0, 105.0, 9.0), round(220.0, 220.0, 5.0)].concat(),
            load: [String::new(), String::new()],
        };
        let durations = case.compare(&MEASURES[0]).unwrap();
        let close = |left: f64, right: f64| (left - right).abs() < 1e-9;
        assert!(close(durations.ratio_range.0, 1.0), "{durations:?}");
        assert!(close(durations.ratio_range.1, 1.1), "{durations:?}");
        assert!(close(durations.ratio, 1.05), "{durations:?}");
        assert!(close(durations.noise_range.1, 1.1), "{durations:?}");
        let throughput = case.compare(&MEASURES[1]).unwrap();
        assert!(close(throughput.ratio, 0.95), "{throughput:?}");
        assert!(close(throughput.plain[1], 7.5), "{throughput:?}");
        assert_eq!(case.library(), Some([2.0; 3]));
        let json = case.json();
        assert_eq!(json["measures"]["throughput"]["goal"], ">= 0.98");
        assert_eq!(json["plain_turns"].as_array().unwrap().len(), 2 * TURNS);
    }
}
