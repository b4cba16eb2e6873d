package io.dualwrite.flink;

import java.util.Optional;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.configuration.TaskManagerOptions;

/**
 * How much memory Flink's configuration leaves a process outside of its own model, where that can
 * be known from it, and whether our native memory fits into it. Computes as Flink does
 * (ProcessMemoryUtils, 1.15 to 2.3) and guesses nothing: a process whose sizes are set in another
 * way is not judged.
 */
final class JvmOverhead {

    /** One process's keys. */
    private static final class Keys {
        final String process;
        final ConfigOption<MemorySize> total;
        final ConfigOption<MemorySize> flink;
        final ConfigOption<MemorySize> metaspace;
        final ConfigOption<MemorySize> min;
        final ConfigOption<MemorySize> max;
        final ConfigOption<Float> fraction;

        Keys(
                String process,
                ConfigOption<MemorySize> total,
                ConfigOption<MemorySize> flink,
                ConfigOption<MemorySize> metaspace,
                ConfigOption<MemorySize> min,
                ConfigOption<MemorySize> max,
                ConfigOption<Float> fraction) {
            this.process = process;
            this.total = total;
            this.flink = flink;
            this.metaspace = metaspace;
            this.min = min;
            this.max = max;
            this.fraction = fraction;
        }
    }

    private static final Keys TASK_MANAGER =
            new Keys(
                    "taskmanager",
                    TaskManagerOptions.TOTAL_PROCESS_MEMORY,
                    TaskManagerOptions.TOTAL_FLINK_MEMORY,
                    TaskManagerOptions.JVM_METASPACE,
                    TaskManagerOptions.JVM_OVERHEAD_MIN,
                    TaskManagerOptions.JVM_OVERHEAD_MAX,
                    TaskManagerOptions.JVM_OVERHEAD_FRACTION);

    private static final Keys JOB_MANAGER =
            new Keys(
                    "jobmanager",
                    JobManagerOptions.TOTAL_PROCESS_MEMORY,
                    JobManagerOptions.TOTAL_FLINK_MEMORY,
                    JobManagerOptions.JVM_METASPACE,
                    JobManagerOptions.JVM_OVERHEAD_MIN,
                    JobManagerOptions.JVM_OVERHEAD_MAX,
                    JobManagerOptions.JVM_OVERHEAD_FRACTION);

    private JvmOverhead() {}

    /**
     * The warning for a process in this role, if our memory is more than half of its JVM overhead.
     *
     * @param role {@link NativeJob#WORKER} or {@link NativeJob#COORDINATOR}
     */
    static Optional<String> warning(ReadableConfig config, String role) {
        final Keys keys = NativeJob.WORKER.equals(role) ? TASK_MANAGER : JOB_MANAGER;
        final MemorySize ours = config.get(DualWriteOptions.BUFFER_MEMORY);
        return bytes(config, keys)
                .filter(overhead -> ours.getBytes() > overhead / 2)
                .map(
                        overhead ->
                                String.format(
                                        "dualwrite.buffer.memory is %s, more than half of the JVM"
                                                + " overhead of %s that Flink's configuration"
                                                + " leaves this process. A container that has no"
                                                + " more may be killed. Raise"
                                                + " %s.memory.jvm-overhead.min and max, or lower"
                                                + " dualwrite.buffer.memory.",
                                        ours.toHumanReadableString(),
                                        new MemorySize(overhead).toHumanReadableString(),
                                        keys.process));
    }

    /** The JVM overhead of a process in bytes; empty where it cannot be known. */
    private static Optional<Long> bytes(ReadableConfig config, Keys keys) {
        final long min = config.get(keys.min).getBytes();
        final long max = config.get(keys.max).getBytes();
        if (min == max) {
            // so Flink's own scripts tell a process what they have computed for it
            return Optional.of(min);
        }
        final Optional<MemorySize> total = config.getOptional(keys.total);
        final Optional<MemorySize> flink = config.getOptional(keys.flink);
        final long metaspace = config.get(keys.metaspace).getBytes();
        final double fraction = config.get(keys.fraction);
        if (total.isPresent() && flink.isPresent()) {
            final long rest = total.get().getBytes() - flink.get().getBytes() - metaspace;
            return Optional.of(Math.max(0, rest));
        }
        if (total.isPresent()) {
            return Optional.of(within(min, max, total.get().getBytes() * fraction));
        }
        return flink.map(
                size ->
                        within(
                                min,
                                max,
                                (size.getBytes() + metaspace) * fraction / (1 - fraction)));
    }

    private static long within(long min, long max, double bytes) {
        return Math.max(min, Math.min(max, (long) bytes));
    }
}
