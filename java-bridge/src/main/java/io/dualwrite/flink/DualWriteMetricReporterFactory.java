package io.dualwrite.flink;

import java.util.Properties;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;

/**
 * The class to name in {@code metrics.reporter.dualwrite.factory.class}: with it the secondary's
 * catalogue and the metrics have the jobs' names. Flink finds it by {@code META-INF/services}
 * ({@code ReporterSetup}, 1.15 to 2.3); without the key it makes one and does not use it.
 */
public final class DualWriteMetricReporterFactory implements MetricReporterFactory {

    /** Called by Flink, by {@link java.util.ServiceLoader}. */
    public DualWriteMetricReporterFactory() {}

    @Override
    public MetricReporter createMetricReporter(Properties properties) {
        return new DualWriteMetricReporter();
    }
}
