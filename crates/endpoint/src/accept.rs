//! In which text format a client wants the metrics, by its `Accept` header. Pure.

use telemetry::Format;

/// What a client gets that names none: the one that everybody reads.
const DEFAULT: Format = Format::Text;

/// The format that the client likes best; of two that it likes equally, OpenMetrics.
pub(crate) fn format(accept: &str) -> Format {
    let wishes = accept.split(',').filter_map(wish);
    let best = wishes.max_by_key(|(format, quality)| (*quality, *format == Format::OpenMetrics));
    best.filter(|(_, quality)| *quality > 0)
        .map_or(DEFAULT, |(format, _)| format)
}

/// One of the header's parts that names a format of ours, and its quality in thousandths.
fn wish(part: &str) -> Option<(Format, u32)> {
    let mut parameters = part.split(';').map(str::trim);
    let format = match parameters.next()?.to_ascii_lowercase().as_str() {
        "application/openmetrics-text" => Format::OpenMetrics,
        "text/plain" | "text/*" | "*/*" => Format::Text,
        _ => return None,
    };
    let mut quality = 1000;
    for parameter in parameters {
        let (name, value) = parameter.split_once('=')?;
        match (name.trim().to_ascii_lowercase().as_str(), value.trim()) {
            ("q", value) => quality = thousandths(value)?,
            ("version", value) if format == Format::OpenMetrics && value != "1.0.0" => return None,
            _ => {}
        }
    }
    Some((format, quality))
}

/// A number from 0 to 1, with up to three digits behind the point.
fn thousandths(quality: &str) -> Option<u32> {
    let (whole, digits) = quality.split_once('.').unwrap_or((quality, ""));
    let whole: u32 = whole.parse().ok().filter(|whole| *whole <= 1)?;
    let digits = format!("{digits:0<3}");
    let digits: u32 = digits.get(..3)?.parse().ok()?;
    Some((whole * 1000 + digits).min(1000))
}

/// As the answer's `Content-Type` names it.
pub(crate) fn content_type(format: Format) -> &'static str {
    match format {
        Format::Text => "text/plain; version=0.0.4; charset=utf-8",
        Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_gets_what_it_likes_best() {
        let prometheus_2 = "application/openmetrics-text;version=1.0.0;q=0.5,\
                            application/openmetrics-text;version=0.0.1;q=0.4,\
                            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                            text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.1";
        let openmetrics = [
            prometheus_2,
            prometheus_3,
            "application/openmetrics-text",
            "Application/OpenMetrics-Text; Version=1.0.0, */*",
        ];
        for accept in openmetrics {
            assert_eq!(format(accept), Format::OpenMetrics, "{accept}");
        }
        let text = [
            "",
            "*/*",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "text/plain;version=0.0.4",
            "text/plain;q=0.9,application/openmetrics-text;q=0.8",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;q=nonsense",
            "application/openmetrics-text;q=0.é",
            "image/png",
            ";;,,=",
        ];
        for accept in text {
            assert_eq!(format(accept), Format::Text, "{accept}");
        }
    }
}
