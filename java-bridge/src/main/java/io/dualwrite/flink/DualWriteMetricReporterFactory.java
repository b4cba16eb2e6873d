package io.dualwrite.flink;

import java.util.Properties;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;

/**
 * The class to name in {@code metrics.reporter.dualwrite.factory.class}: with it the secondary's
 * catalogue and the metrics have the jobs' names, and Flink's own metrics have the product's
 * numbers, unless {@code metrics.reporter.dualwrite.numbers} is false. Flink finds it by {@code
 * META-INF/services} ({@code ReporterSetup}, 1.15 to 2.3); without the key it makes one and does
 * not use it.
 */
public final class DualWriteMetricReporterFactory implements MetricReporterFactory {

    private static final String NUMBERS = "numbers";

    /** Called by Flink, by {@link java.util.ServiceLoader}. */
    public DualWriteMetricReporterFactory() {}

    @Override
    public MetricReporter createMetricReporter(Properties properties) {
        return new DualWriteMetricReporter(
                areWanted(properties)
                        ? new FlinkNumbers(() -> NativeLibrary.ofProcess().numbers())
                        : null);
    }

    /** Whatever was typed, Flink starts. */
    private static boolean areWanted(Properties properties) {
        final String typed = properties.getProperty(NUMBERS, "true").trim();
        if (!typed.equalsIgnoreCase("true") && !typed.equalsIgnoreCase("false")) {
            Faults.warnOnce(
                    "metrics.reporter.dualwrite.numbers is "
                            + typed
                            + " and is taken as true; set it to true or false.");
        }
        return !typed.equalsIgnoreCase("false");
    }
}
