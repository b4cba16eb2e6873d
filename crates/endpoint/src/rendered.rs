//! What is served, rendered when it is asked for, of each kind one at a time and at most ten times
//! a second: who asks more often gets what others got. So clients cost no more than that of the
//! runtime's time, and answers that wait to be taken share their memory.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use telemetry::{Format, Metrics};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::page;

/// Nothing older is given out.
const FRESH_FOR: Duration = Duration::from_millis(100);

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Document {
    Metrics(Format),
    Page,
}

type Last = Mutex<Option<(Instant, Bytes)>>;

/// The numbers of the process as documents.
pub(crate) struct Rendered {
    metrics: Arc<Metrics>,
    /// The machine's name.
    host: String,
    text: Last,
    open_metrics: Last,
    page: Last,
}

impl Rendered {
    pub(crate) fn new(metrics: Arc<Metrics>, host: String) -> Self {
        Self {
            metrics,
            host,
            text: Last::default(),
            open_metrics: Last::default(),
            page: Last::default(),
        }
    }

    /// The document as it is now, or was a moment ago. None: it cannot be rendered.
    pub(crate) async fn get(&self, document: Document) -> Option<Bytes> {
        let last = match document {
            Document::Metrics(Format::Text) => &self.text,
            Document::Metrics(Format::OpenMetrics) => &self.open_metrics,
            Document::Page => &self.page,
        };
        let mut last = last.lock().await;
        if let Some((at, bytes)) = last.as_ref()
            && at.elapsed() < FRESH_FOR
        {
            return Some(bytes.clone());
        }
        let bytes = Bytes::from(self.render(document)?);
        *last = Some((Instant::now(), bytes.clone()));
        Some(bytes)
    }

    fn render(&self, document: Document) -> Option<String> {
        match document {
            Document::Metrics(format) => self.metrics.render_as(format).ok(),
            Document::Page => {
                let overview = self.metrics.overview();
                Some(page::html(&overview, &self.host, SystemTime::now()))
            }
        }
    }
}
