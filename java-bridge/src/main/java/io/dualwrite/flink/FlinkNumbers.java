package io.dualwrite.flink;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.LogicalScopeProvider;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.runtime.metrics.groups.AbstractMetricGroup;
import org.apache.flink.runtime.metrics.groups.JobManagerJobMetricGroup;
import org.apache.flink.runtime.metrics.groups.TaskManagerJobMetricGroup;
import org.apache.flink.runtime.metrics.groups.TaskMetricGroup;

/**
 * The library's numbers as gauges of Flink's own metrics, below {@code dualwrite}: those of a job
 * in its group, all others in the group of the JobManager or TaskManager. Asks the library once a
 * second, from a thread of its own; a gauge only reads what was last told. The thread registers
 * them, too: Flink tells a reporter of a metric under the registry's lock, and a group takes its
 * own before that one. Never throws.
 */
final class FlinkNumbers {

    private static final String GROUP = "dualwrite";
    private static final String JOB_ID = "job_id";
    private static final String JOB_ID_VARIABLE = "<job_id>";
    private static final String NO_JOB = "";
    private static final long POLL_INTERVAL_MS = 1000;

    private final Supplier<String> library;
    private final Thread polling = LogPump.thread(this::run, "flink-dualwrite-metrics");
    private final AtomicBoolean started = new AtomicBoolean();

    /** Each group with the lines that are gauges of it by now. */
    private final Map<AbstractMetricGroup<?>, Set<String>> groups = new ConcurrentHashMap<>();

    /** What was last told: each line up to its value, and that. Replaced, never changed. */
    private volatile Map<String, Number> numbers = Collections.emptyMap();

    private volatile boolean closed;

    /**
     * @param library what it tells, null while there is nothing to tell
     */
    FlinkNumbers(Supplier<String> library) {
        this.library = library;
    }

    /**
     * Remembers where there is a place.
     *
     * @param group as Flink shows it to a reporter with one of its metrics
     */
    void heard(MetricGroup group) {
        if (!(group instanceof LogicalScopeProvider)) {
            return;
        }
        final MetricGroup wrapped = ((LogicalScopeProvider) group).getWrappedMetricGroup();
        if (wrapped instanceof JobManagerJobMetricGroup) {
            final JobManagerJobMetricGroup job = (JobManagerJobMetricGroup) wrapped;
            add(job, job.parent());
        } else if (wrapped instanceof TaskMetricGroup) {
            final TaskManagerJobMetricGroup job = ((TaskMetricGroup) wrapped).parent();
            add(job, job.parent());
        }
    }

    void close() {
        closed = true;
        polling.interrupt();
    }

    private void add(AbstractMetricGroup<?> job, AbstractMetricGroup<?> process) {
        groups.computeIfAbsent(job, any -> ConcurrentHashMap.newKeySet());
        groups.computeIfAbsent(process, any -> ConcurrentHashMap.newKeySet());
        if (!started.get() && started.compareAndSet(false, true)) {
            polling.start();
        }
    }

    private void run() {
        try {
            while (!closed) {
                poll();
                Thread.sleep(POLL_INTERVAL_MS);
            }
        } catch (InterruptedException ignored) {
            // closed
        }
    }

    /** Asks once, and registers what is new. */
    void poll() {
        try {
            final String told = library.get();
            if (told != null) {
                numbers = parse(told);
            }
            groups.keySet().removeIf(AbstractMetricGroup::isClosed);
            final Map<String, List<String>> byJob = new HashMap<>();
            for (String line : numbers.keySet()) {
                byJob.computeIfAbsent(jobOf(line), any -> new ArrayList<>()).add(line);
            }
            groups.forEach((group, known) -> register(group, known, byJob));
        } catch (Throwable t) {
            Faults.report("Putting numbers into Flink's metrics", t);
        }
    }

    private void register(
            AbstractMetricGroup<?> group, Set<String> known, Map<String, List<String>> byJob) {
        final String job = group.getAllVariables().getOrDefault(JOB_ID_VARIABLE, NO_JOB);
        for (String line : byJob.getOrDefault(job, Collections.emptyList())) {
            if (known.add(line)) {
                final String[] parts = line.split("\t", -1);
                MetricGroup at = group.addGroup(GROUP);
                for (int i = 1; i + 1 < parts.length; i += 2) {
                    at = parts[i].equals(JOB_ID) ? at : at.addGroup(parts[i], parts[i + 1]);
                }
                at.gauge(parts[0], (Gauge<Number>) () -> numbers.get(line));
            }
        }
    }

    /** The job's id in a line, {@link #NO_JOB} if it is the process's. */
    private static String jobOf(String line) {
        final String[] parts = line.split("\t", -1);
        for (int i = 1; i + 1 < parts.length; i += 2) {
            if (parts[i].equals(JOB_ID)) {
                return parts[i + 1];
            }
        }
        return NO_JOB;
    }

    private static Map<String, Number> parse(String told) {
        final Map<String, Number> numbers = new LinkedHashMap<>();
        for (String line : told.split("\n")) {
            final int end = line.lastIndexOf('\t');
            if (end > 0) {
                numbers.put(line.substring(0, end), number(line.substring(end + 1)));
            }
        }
        return numbers;
    }

    /** Whole ones without a point, so that people can read large ones. */
    private static Number number(String text) {
        try {
            return Long.valueOf(text);
        } catch (NumberFormatException e) {
            return Double.valueOf(text);
        }
    }
}
