package io.dualwrite.flink;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.metrics.CharacterFilter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.LogicalScopeProvider;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.SimpleCounter;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.runtime.metrics.MetricRegistry;
import org.apache.flink.runtime.metrics.groups.JobManagerJobMetricGroup;
import org.apache.flink.runtime.metrics.groups.JobManagerMetricGroup;
import org.apache.flink.runtime.metrics.scope.ScopeFormats;
import org.junit.jupiter.api.Test;

/** From what the library tells to gauges in the groups of a JobManager. */
class FlinkNumbersTest {

    private static final JobID JOB = new JobID();
    private static final JobID OTHER = new JobID();

    private static final String TOLD =
            "secondary_up\tsecondary\thdfs://two\t1\n"
                    + "accepted_bytes_total\t12345678901\n"
                    + "checkpoints_unpublishable_total\tjob_id\t%1$s\treason\ttimeout\t3\n"
                    + "newest_published_checkpoint_id\tjob_id\t%1$s\t7\n"
                    + "newest_published_checkpoint_id\tjob_id\t%2$s\t9\n";

    /** What Flink was given, by its identifier. */
    private final Map<String, Gauge<?>> registered = new TreeMap<>();

    private final List<String> twice = new ArrayList<>();
    private final FakeNative library = new FakeNative();
    private final FlinkNumbers numbers = new FlinkNumbers(() -> library.numbers());
    private final JobManagerMetricGroup process =
            JobManagerMetricGroup.createJobManagerMetricGroup(registry(), "h");
    private final JobManagerJobMetricGroup job = process.addJob(JOB, "payments");

    /** Its methods are not the same in all versions. */
    private MetricRegistry registry() {
        return (MetricRegistry)
                Proxy.newProxyInstance(
                        getClass().getClassLoader(),
                        new Class<?>[] {MetricRegistry.class},
                        (proxy, method, arguments) -> {
                            switch (method.getName()) {
                                case "getScopeFormats":
                                    return ScopeFormats.fromConfig(new Configuration());
                                case "getDelimiter":
                                    return '.';
                                case "getNumberReporters":
                                    return 0;
                                case "register":
                                    register((Gauge<?>) arguments[0], arguments);
                                    return null;
                                default:
                                    return null;
                            }
                        });
    }

    private void register(Gauge<?> gauge, Object[] arguments) {
        final String id = ((MetricGroup) arguments[2]).getMetricIdentifier((String) arguments[1]);
        if (registered.put(id, gauge) != null) {
            twice.add(id);
        }
    }

    /** As Flink shows a group to a reporter. */
    private static MetricGroup shown(MetricGroup group) {
        final class Shown extends UnregisteredMetricsGroup implements LogicalScopeProvider {
            @Override
            public String getLogicalScope(CharacterFilter filter) {
                return "";
            }

            @Override
            public String getLogicalScope(CharacterFilter filter, char delimiter) {
                return "";
            }

            @Override
            public MetricGroup getWrappedMetricGroup() {
                return group;
            }
        }
        return new Shown();
    }

    private void told() {
        library.numbers = String.format(TOLD, JOB.toHexString(), OTHER.toHexString());
        numbers.poll();
    }

    @Test
    void numbersOfAJobAreInItsGroupAndTheOthersInTheProcesss() {
        numbers.heard(shown(job));
        numbers.close();
        told();
        final Map<String, Object> values = new TreeMap<>();
        registered.forEach((id, gauge) -> values.put(id, gauge.getValue()));
        assertThat(values)
                .containsOnly(
                        Map.entry("h.jobmanager.dualwrite.accepted_bytes_total", 12345678901L),
                        Map.entry("h.jobmanager.dualwrite.secondary.hdfs://two.secondary_up", 1L),
                        Map.entry(
                                "h.jobmanager.payments.dualwrite.newest_published_checkpoint_id",
                                7L),
                        Map.entry(
                                "h.jobmanager.payments.dualwrite.reason.timeout."
                                        + "checkpoints_unpublishable_total",
                                3L));
    }

    @Test
    void aGaugeHasWhatWasLastToldAndIsRegisteredOnce() {
        numbers.heard(shown(job));
        numbers.heard(shown(job));
        numbers.close();
        told();
        library.numbers = "accepted_bytes_total\t0.5\n";
        numbers.poll();
        told();
        library.numbers = "accepted_bytes_total\t0.5\n";
        numbers.poll();
        assertThat(twice).isEmpty();
        final Gauge<?> gauge = registered.get("h.jobmanager.dualwrite.accepted_bytes_total");
        assertThat(gauge.getValue()).isEqualTo(0.5);
    }

    @Test
    void aJobThatHasEndedGetsNothing() {
        numbers.heard(shown(job));
        numbers.close();
        job.close();
        told();
        assertThat(registered.keySet()).noneMatch(id -> id.contains("payments")).hasSize(2);
    }

    @Test
    void whereThereIsNoGroupOrNoLibraryNothingHappens() {
        numbers.heard(new UnregisteredMetricsGroup());
        numbers.heard(shown(process));
        told();
        new FlinkNumbers(() -> null).poll();
        library.failure = new UnsatisfiedLinkError("on purpose");
        numbers.poll();
        library.failure = null;
        library.numbers = null;
        numbers.poll();
        assertThat(registered).isEmpty();
    }

    @Test
    void aKeySwitchesThemOffAndWhateverIsTypedAReporterIsMade() {
        for (String typed : new String[] {"true", "false", " FALSE", "maybe"}) {
            final Properties properties = new Properties();
            properties.setProperty("numbers", typed);
            final DualWriteMetricReporter reporter =
                    (DualWriteMetricReporter)
                            new DualWriteMetricReporterFactory().createMetricReporter(properties);
            final boolean off = typed.trim().equalsIgnoreCase("false");
            assertThat(reporter.hasNumbers()).isEqualTo(!off);
            reporter.notifyOfAddedMetric(new SimpleCounter(), "n", new UnregisteredMetricsGroup());
            reporter.close();
        }
    }
}
