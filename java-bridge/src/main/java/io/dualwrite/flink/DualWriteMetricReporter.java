package io.dualwrite.flink;

import java.util.Map;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.reporter.MetricReporter;

/**
 * Hears of every metric of the process, and so of its jobs' names: Flink registers a job's metrics
 * before its first checkpoint (JobManagerJobMetricGroup, TaskManagerJobMetricGroup). Shows {@link
 * FlinkNumbers} the groups for its own. Reports nothing itself, and never throws.
 */
final class DualWriteMetricReporter implements MetricReporter {

    // As in ScopeFormat, whose constants are not of the metrics' interface.
    private static final String JOB_ID = "<job_id>";
    private static final String JOB_NAME = "<job_name>";

    private final FlinkNumbers numbers;

    /**
     * @param numbers null if Flink is not to have any
     */
    DualWriteMetricReporter(FlinkNumbers numbers) {
        this.numbers = numbers;
    }

    /** Whether Flink is to have the product's numbers. */
    boolean hasNumbers() {
        return numbers != null;
    }

    // No @Override on these two: since Flink 2.0 they are a superinterface's.
    public void open(MetricConfig config) {}

    public void close() {
        if (numbers != null) {
            numbers.close();
        }
    }

    @Override
    public void notifyOfAddedMetric(Metric metric, String name, MetricGroup group) {
        try {
            final Map<String, String> variables = group.getAllVariables();
            final String jobId = variables.get(JOB_ID);
            final String jobName = variables.get(JOB_NAME);
            if (jobId != null && jobName != null) {
                JobNames.heard(jobId, jobName);
            }
        } catch (Throwable t) {
            Faults.report("Hearing of a job's name", t);
        }
        try {
            if (numbers != null) {
                numbers.heard(group);
            }
        } catch (Throwable t) {
            Faults.report("Finding a place in Flink's metrics", t);
        }
    }

    @Override
    public void notifyOfRemovedMetric(Metric metric, String name, MetricGroup group) {}
}
