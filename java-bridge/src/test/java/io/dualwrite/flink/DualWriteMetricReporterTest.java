package io.dualwrite.flink;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.ServiceLoader;
import org.apache.flink.api.common.JobID;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.SimpleCounter;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;
import org.junit.jupiter.api.Test;

/** From a metric of a job to its name in the library. */
class DualWriteMetricReporterTest {

    private final JobID jobId = new JobID();

    private static MetricGroup group(Map<String, String> variables) {
        return new UnregisteredMetricsGroup() {
            @Override
            public Map<String, String> getAllVariables() {
                return variables;
            }
        };
    }

    /** As Flink finds it. */
    private static MetricReporter reporter() {
        for (MetricReporterFactory factory : ServiceLoader.load(MetricReporterFactory.class)) {
            if (factory instanceof DualWriteMetricReporterFactory) {
                return factory.createMetricReporter(new Properties());
            }
        }
        throw new AssertionError("not among the services");
    }

    private List<String> opened() {
        final FakeNative library = new FakeNative();
        new NativeJob(library, List.of("job.name", "old"), jobId, NativeJob.WORKER, null).handle();
        return library.jobs.get(0);
    }

    @Test
    void aJobIsCalledAsItsMetricsSay() {
        final List<String> unnamed =
                List.of("job.name", "old", "job.id", jobId.toHexString(), "job.role", "worker");
        assertThat(opened()).isEqualTo(unnamed);
        final MetricReporter reporter = reporter();
        reporter.notifyOfAddedMetric(new SimpleCounter(), "n", group(Map.of("<host>", "h")));
        assertThat(opened()).isEqualTo(unnamed);
        final Map<String, String> variables =
                Map.of("<job_id>", jobId.toHexString(), "<job_name>", "payments");
        reporter.notifyOfAddedMetric(new SimpleCounter(), "n", group(variables));
        assertThat(opened()).startsWith(unnamed.toArray(new String[0]));
        assertThat(opened()).endsWith("job.name", "payments");
    }

    @Test
    void whatCannotBeHeardHarmsNobody() {
        final MetricGroup broken =
                new UnregisteredMetricsGroup() {
                    @Override
                    public Map<String, String> getAllVariables() {
                        throw new IllegalStateException("on purpose");
                    }
                };
        reporter().notifyOfAddedMetric(new SimpleCounter(), "n", broken);
        reporter().notifyOfRemovedMetric(new SimpleCounter(), "n", broken);
        assertThat(JobNames.of(jobId)).isEmpty();
    }

    @Test
    void namesAreNotKeptWithoutEnd() {
        final JobID first = new JobID();
        JobNames.heard(first.toHexString(), "first");
        for (int i = 0; i < 5000; i++) {
            JobNames.heard(new JobID().toHexString(), "other");
        }
        assertThat(JobNames.of(first)).isEmpty();
    }
}
