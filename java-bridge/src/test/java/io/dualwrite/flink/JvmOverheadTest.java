package io.dualwrite.flink;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessUtils;
import org.apache.flink.runtime.jobmanager.JobManagerProcessUtils;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;

/** What is said of the memory that a process has for ours, compared with what Flink computes. */
class JvmOverheadTest {

    @TempDir Path dir;

    private static Configuration config(String... pairs) {
        final Configuration config = new Configuration();
        for (int i = 0; i < pairs.length; i += 2) {
            config.setString(pairs[i], pairs[i + 1]);
        }
        return config;
    }

    /** Memory of which half is just the overhead, and one byte more. */
    private static void assertJudged(Configuration config, String role, MemorySize overhead) {
        final long half = overhead.getBytes() / 2;
        config.set(DualWriteOptions.BUFFER_MEMORY, new MemorySize(half));
        assertThat(JvmOverhead.warning(config, role)).isEmpty();
        config.set(DualWriteOptions.BUFFER_MEMORY, new MemorySize(half + 1));
        assertThat(JvmOverhead.warning(config, role))
                .get()
                .asString()
                .contains("dualwrite.buffer.memory", overhead.toHumanReadableString());
    }

    /** The table is also what the command's {@code dualwrite check} is tested by. */
    @ParameterizedTest
    @CsvFileSource(resources = "/jvm-overhead.csv", numLinesToSkip = 1)
    void itIsWhatFlinkComputes(
            String process, String flink, float fraction, String min, String max, long overhead) {
        final Configuration config = new Configuration();
        if (process != null) {
            config.setString("taskmanager.memory.process.size", process);
            config.setString("jobmanager.memory.process.size", process);
        }
        if (flink != null) {
            config.setString("taskmanager.memory.flink.size", flink);
            config.setString("jobmanager.memory.flink.size", flink);
        }
        config.set(TaskManagerOptions.JVM_OVERHEAD_FRACTION, fraction);
        config.set(JobManagerOptions.JVM_OVERHEAD_FRACTION, fraction);
        for (String of : new String[] {"taskmanager", "jobmanager"}) {
            config.setString(of + ".memory.jvm-overhead.min", min);
            config.setString(of + ".memory.jvm-overhead.max", max);
        }
        final MemorySize ofWorker =
                TaskExecutorProcessUtils.processSpecFromConfig(config).getJvmOverheadSize();
        final MemorySize ofCoordinator =
                JobManagerProcessUtils.processSpecFromConfigWithNewOptionToInterpretLegacyHeap(
                                config, JobManagerOptions.TOTAL_PROCESS_MEMORY)
                        .getJvmOverheadSize();
        assertThat(new long[] {ofWorker.getBytes(), ofCoordinator.getBytes()})
                .containsOnly(overhead);
        assertJudged(config, NativeJob.WORKER, ofWorker);
        assertJudged(config, NativeJob.COORDINATOR, ofCoordinator);
    }

    @Test
    void whatIsNotKnownIsNotJudged() {
        final Configuration config =
                config(
                        "dualwrite.buffer.memory", "100gb",
                        "taskmanager.memory.task.heap.size", "1gb",
                        "taskmanager.memory.managed.size", "1gb");
        assertThat(JvmOverhead.warning(config, NativeJob.WORKER)).isEmpty();
        assertThat(JvmOverhead.warning(config, NativeJob.COORDINATOR)).isEmpty();
    }

    @Test
    void itIsSaidOnceToTheProcessThatItConcerns() throws Exception {
        final Configuration config =
                config(
                        "state.checkpoints.dir", dir.resolve("primary").toUri().toString(),
                        "dualwrite.secondary.dir", "hdfs://b:8020/flink",
                        "dualwrite.buffer.memory", "200mb",
                        "taskmanager.memory.process.size", "1728m",
                        "jobmanager.memory.process.size", "64g");
        final FakeNative library = new FakeNative();
        final TestLibrary loaded = TestLibrary.loadable(library, dir);
        try (LogCapture log = new LogCapture()) {
            for (int subtask = 0; subtask < 3; subtask++) {
                final DualWriteCheckpointStorageAccess access =
                        (DualWriteCheckpointStorageAccess)
                                new DualWriteCheckpointStorageFactory(loaded.library())
                                        .createFromConfig(config, getClass().getClassLoader())
                                        .createCheckpointStorage(new JobID());
                assertThat(log.atLeast("WARN")).hasSize(Math.min(subtask, 1));
                access.createTaskOwnedStateStream();
            }
            assertThat(log.atLeast("WARN"))
                    .hasSize(1)
                    .first()
                    .asString()
                    .contains("dualwrite.buffer.memory", "taskmanager.memory.jvm-overhead.min");
        } finally {
            loaded.forget();
        }
    }
}
