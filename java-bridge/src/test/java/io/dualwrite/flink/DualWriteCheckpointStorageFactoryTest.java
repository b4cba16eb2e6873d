package io.dualwrite.flink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.IllegalConfigurationException;
import org.apache.flink.runtime.state.CheckpointStorage;
import org.apache.flink.runtime.state.CheckpointStorageLoader;
import org.apache.flink.runtime.state.filesystem.FsCheckpointStorageAccess;
import org.apache.flink.runtime.state.storage.FileSystemCheckpointStorage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

/**
 * Which storage Flink gets from which configuration, what is said about it, and what the library is
 * told.
 */
class DualWriteCheckpointStorageFactoryTest {

    private static final String PRIMARY = "hdfs://a:8020/flink/checkpoints";
    private static final String SECONDARY = "hdfs://b:8020/flink/checkpoints";

    @TempDir Path dir;

    private final FakeNative library = new FakeNative();

    private Configuration config(String... more) {
        final Configuration config = new Configuration();
        config.setString("state.checkpoints.dir", PRIMARY);
        config.setString("dualwrite.secondary.dir", SECONDARY);
        for (int i = 0; i < more.length; i += 2) {
            config.setString(more[i], more[i + 1]);
        }
        return config;
    }

    /** With a library that is loaded, however often it is asked for. */
    private CheckpointStorage create(Configuration config) {
        final TestLibrary loaded = TestLibrary.loadable(library, dir);
        try {
            return new DualWriteCheckpointStorageFactory(loaded.library())
                    .createFromConfig(config, getClass().getClassLoader());
        } finally {
            loaded.forget();
        }
    }

    private Map<String, String> settings(Configuration config) throws Exception {
        final CheckpointStorage storage = create(config);
        assertThat(storage).isExactlyInstanceOf(DualWriteCheckpointStorage.class);
        new NativeJob(library, settingsOf(config), new JobID(1, 2), NativeJob.WORKER, null)
                .handle();
        final List<String> list = library.jobs.get(library.jobs.size() - 1);
        final Map<String, String> map = new HashMap<>();
        for (int i = 0; i < list.size(); i += 2) {
            assertThat(map.put(list.get(i), list.get(i + 1))).isNull();
        }
        return map;
    }

    private static List<String> settingsOf(Configuration config) throws Exception {
        return DualWriteSettings.read(config, PRIMARY, null);
    }

    @Test
    void defaultsAreToldInBaseUnits() throws Exception {
        assertThat(settings(config()))
                .containsOnly(
                        Map.entry("job.id", new JobID(1, 2).toHexString()),
                        Map.entry("job.role", "worker"),
                        Map.entry("primary.dir", PRIMARY),
                        Map.entry("secondary.dir", SECONDARY),
                        Map.entry("enabled", "true"),
                        Map.entry("buffer.memory", "67108864"),
                        Map.entry("chunk.size", "262144"),
                        Map.entry("spill.max-size", "1073741824"),
                        Map.entry("spill.dirs", System.getProperty("java.io.tmpdir")),
                        Map.entry("upload.concurrency", "32"),
                        Map.entry("call.timeout", "10000"),
                        Map.entry("publish.timeout", "600000"),
                        Map.entry("backfill.grace", "5000"),
                        Map.entry("secondary.retained", "3"),
                        Map.entry("retention.grace", "30000"),
                        Map.entry("shutdown.timeout", "5000"),
                        Map.entry("metrics.port", "9260-9299"),
                        Map.entry("metrics.bind-address", "0.0.0.0"));
    }

    @Test
    void whatIsSetIsTold() throws Exception {
        assertThat(
                        settings(
                                config(
                                        "pipeline.name", "my job",
                                        "dualwrite.secondary.hadoop-conf-dir", "/etc/b",
                                        "dualwrite.primary.hadoop-conf-dir", "/etc/a",
                                        "dualwrite.secondary.user", "flink",
                                        "dualwrite.primary.aliases", "hdfs://ns1;hdfs://;/",
                                        "dualwrite.path-mapping",
                                                "hdfs://a/x=hdfs://b/x;s3://c/y=hdfs://b/y",
                                        "dualwrite.buffer.memory", "1gb",
                                        "dualwrite.upload.bandwidth-limit", "10mb",
                                        "dualwrite.spill.max-size", "0",
                                        "io.tmp.dirs", "/a, /b:/c",
                                        "dualwrite.call.timeout", "2 min",
                                        "dualwrite.metrics.port", "0",
                                        "dualwrite.metrics.bind-address", "::1")))
                .contains(
                        Map.entry("job.name", "my job"),
                        Map.entry("secondary.hadoop-conf-dir", "/etc/b"),
                        Map.entry("primary.hadoop-conf-dir", "/etc/a"),
                        Map.entry("secondary.user", "flink"),
                        Map.entry("primary.aliases", "hdfs://ns1;hdfs://;/"),
                        Map.entry("path-mapping", "hdfs://a/x=hdfs://b/x;s3://c/y=hdfs://b/y"),
                        Map.entry("buffer.memory", "1073741824"),
                        Map.entry("upload.bandwidth-limit", "10485760"),
                        Map.entry("spill.max-size", "0"),
                        Map.entry("spill.dirs", "/a;/b;/c"),
                        Map.entry("call.timeout", "120000"),
                        Map.entry("metrics.port", "0"),
                        Map.entry("metrics.bind-address", "::1"));
    }

    @Test
    void anotherDirectoryToSpillToComesBeforeFlinks() throws Exception {
        final Configuration config =
                config("io.tmp.dirs", "/a", "dualwrite.spill.dir", "/fast/disk");
        assertThat(settings(config)).contains(Map.entry("spill.dirs", "/fast/disk"));
    }

    @Test
    void theEnvironmentsHadoopConfDirServesIfNoOtherIsSet() throws Exception {
        assertThat(DualWriteSettings.read(config(), PRIMARY, "/env"))
                .containsSequence("primary.hadoop-conf-dir", "/env");
        assertThat(
                        DualWriteSettings.read(
                                config("dualwrite.primary.hadoop-conf-dir", "/own"),
                                PRIMARY,
                                "/env"))
                .containsSequence("primary.hadoop-conf-dir", "/own")
                .doesNotContain("/env");
    }

    @Test
    void disabledIsFlinksOwnStorageWithoutAWarning() {
        try (LogCapture log = new LogCapture()) {
            assertPlain(create(config("dualwrite.enabled", "false")));
            assertThat(log.atLeast("WARN")).isEmpty();
            assertThat(log.atLeast("ERROR")).isEmpty();
        }
    }

    @Test
    void noSecondaryIsFlinksOwnStorageAndOneWarning() {
        final Configuration config = new Configuration();
        config.setString("state.checkpoints.dir", PRIMARY);
        try (LogCapture log = new LogCapture()) {
            assertPlain(create(config));
            assertPlain(create(config));
            assertThat(log.lines)
                    .hasSize(1)
                    .first()
                    .asString()
                    .startsWith("WARN dualwrite.secondary.dir is not set");
        }
    }

    @Test
    void noLibraryIsFlinksOwnStorageAndOneWarning() {
        try (LogCapture log = new LogCapture()) {
            final NativeLibrary missing =
                    new NativeLibrary(library, path -> {}, null, "io.dualwrite.flink.test.none");
            for (int i = 0; i < 2; i++) {
                assertPlain(
                        new DualWriteCheckpointStorageFactory(missing)
                                .createFromConfig(config(), getClass().getClassLoader()));
            }
            assertThat(log.lines)
                    .hasSize(1)
                    .first()
                    .asString()
                    .startsWith("WARN")
                    .contains("this jar has none for");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "dualwrite.enabled | perhaps | true or false",
                "dualwrite.secondary.dir | /flink | hdfs://",
                "dualwrite.secondary.dir | s3://bucket/flink | hdfs://",
                "dualwrite.secondary.dir | hdfs:///flink | hdfs://",
                "dualwrite.secondary.dir | hdfs://b | hdfs://",
                "dualwrite.secondary.dir | hdfs://u@b/flink | hdfs://",
                "dualwrite.secondary.dir | hdfs://b/fl ink | hdfs://",
                "dualwrite.secondary.dir | file://b/flink | file:///",
                "dualwrite.secondary.dir | hdfs://a:8020/flink/checkpoints | neither",
                "dualwrite.secondary.dir | hdfs://A/flink//checkpoints/ | neither",
                "dualwrite.secondary.dir | hdfs://a:8020/flink/checkpoints/b | inside",
                "dualwrite.secondary.dir | hdfs://a:8020/flink | around",
                "dualwrite.secondary.hadoop-conf-dir | etc | absolute path",
                "dualwrite.secondary.user | two words | user name",
                "dualwrite.primary.hadoop-conf-dir | etc | absolute path",
                "dualwrite.primary.dir | flink | a URI with a scheme",
                "dualwrite.primary.aliases | ns1 | <scheme>://<authority>",
                "dualwrite.primary.aliases | hdfs://ns1;hdfs://ns2/dir | <scheme>://<authority>",
                "dualwrite.primary.aliases | hdfs://B:8020 | a name of the secondary",
                "dualwrite.path-mapping | hdfs://a/x | <primary URI>=<secondary URI>",
                "dualwrite.path-mapping | hdfs://a/x=b/x | <primary URI>=<secondary URI>",
                "dualwrite.buffer.memory | lots | a size from",
                "dualwrite.buffer.memory | 1kb | a size from",
                "dualwrite.chunk.size | 2gb | a size from",
                "dualwrite.chunk.size | 65mb | not above dualwrite.buffer.memory",
                "dualwrite.spill.max-size | -1 | a size from 0",
                "dualwrite.spill.max-size | much | a size from 0",
                "dualwrite.spill.dir | tmp | absolute path",
                "dualwrite.upload.bandwidth-limit | 1kb | a size from 64kb",
                "dualwrite.upload.concurrency | 0 | a whole number from 1 to 64",
                "dualwrite.upload.concurrency | 65 | a whole number from 1 to 64",
                "dualwrite.upload.concurrency | many | a whole number from 1",
                "dualwrite.call.timeout | 0 s | a duration from 1 ms",
                "dualwrite.call.timeout | soon | a duration from 1 ms",
                "dualwrite.publish.timeout | 0 s | a duration from 1 ms",
                "dualwrite.backfill.grace | x | a duration from 0 ms",
                "dualwrite.secondary.retained | 0 | a whole number from 1",
                "dualwrite.retention.grace | x | a duration from 0 ms",
                "dualwrite.shutdown.timeout | x | a duration from 0 ms",
                "dualwrite.metrics.port | http | a port, a range",
                "dualwrite.metrics.port | 9299-9260 | a port, a range",
                "dualwrite.metrics.port | 0-5 | a port, a range",
                "dualwrite.metrics.port | 65536 | a port, a range",
                "dualwrite.metrics.bind-address | any one | an IP address",
                "dualwrite.native.dir | tmp | absolute path",
                "dualwrite.native.path | lib.so | absolute path"
            })
    void aWrongValueIsFlinksOwnStorageAndOneError(String key, String value, String accepted) {
        // the primary as 1.13 to 1.18 know it, so that a wrong dualwrite.primary.dir is ours to
        // find
        try (LogCapture log = new LogCapture()) {
            for (int subtask = 0; subtask < 3; subtask++) {
                final Configuration config = config(key, value);
                if (key.equals("dualwrite.primary.dir")) {
                    assertThatThrownBy(() -> create(config))
                            .as("Flink refuses such a directory itself")
                            .isInstanceOf(IllegalConfigurationException.class);
                    assertThatThrownBy(() -> DualWriteSettings.read(config, PRIMARY, null))
                            .isInstanceOf(InvalidOptionException.class)
                            .hasMessageContainingAll(key, "'" + value + "'", accepted);
                    return;
                }
                assertPlain(create(config));
            }
            assertThat(log.atLeast("WARN")).isEmpty();
            assertThat(log.atLeast("ERROR"))
                    .hasSize(1)
                    .first()
                    .asString()
                    .contains(" " + key + " ", "'" + value + "'", "accepted is", accepted);
        }
    }

    /**
     * One wrong value per key is tried above; a new key must be added there, or here with a reason.
     */
    @Test
    void everyKeyHasAWrongValueInTheTestAbove() throws Exception {
        final String[] rows =
                getClass()
                        .getDeclaredMethod(
                                "aWrongValueIsFlinksOwnStorageAndOneError",
                                String.class,
                                String.class,
                                String.class)
                        .getAnnotation(CsvSource.class)
                        .value();
        final List<String> tried =
                Arrays.stream(rows).map(row -> row.split("\\|")[0].trim()).toList();
        for (OptionRule<?> rule : DualWriteSettings.ALL) {
            assertThat(tried).contains(rule.option.key());
        }
    }

    @Test
    void thePrimarysOwnRefusalPasses() {
        assertThatThrownBy(() -> create(new Configuration()))
                .isInstanceOf(IllegalConfigurationException.class)
                .hasMessageContaining("checkpoint directory");
        final Configuration config = new Configuration();
        config.setString("state.checkpoints.dir", "no-scheme");
        assertThatThrownBy(() -> create(config)).isInstanceOf(IllegalConfigurationException.class);
    }

    /** Before 1.19, Flink's own key in the job's configuration switches the factory off. */
    @Test
    void thePrimarysDirectoryMayHaveAKeyOfItsOwn() throws Exception {
        final Configuration config = new Configuration();
        config.setString("dualwrite.primary.dir", "hdfs://a:8020/other");
        config.setString("dualwrite.secondary.dir", SECONDARY);
        assertThat(create(config)).isExactlyInstanceOf(DualWriteCheckpointStorage.class);
        config.setString("dualwrite.enabled", "false");
        final FileSystemCheckpointStorage plain = (FileSystemCheckpointStorage) create(config);
        assertThat(plain.getCheckpointPath()).hasToString("hdfs://a:8020/other");
    }

    /**
     * Flink's own loader, with the key by which it is configured, in the process where the jar has
     * no library.
     */
    @Test
    void flinkLoadsTheFactoryByName() throws Exception {
        final Configuration config = new Configuration();
        config.setString("state.checkpoints.dir", dir.toUri().toString());
        config.setString(
                "state.checkpoint-storage", DualWriteCheckpointStorageFactory.class.getName());
        try (LogCapture log = new LogCapture()) {
            final CheckpointStorage storage =
                    CheckpointStorageLoader.fromConfig(
                                    config,
                                    getClass().getClassLoader(),
                                    LoggerFactory.getLogger(getClass()))
                            .orElseThrow();
            assertPlain(storage);
            assertThat(storage.createCheckpointStorage(new JobID()))
                    .isExactlyInstanceOf(FsCheckpointStorageAccess.class);
            assertThat(log.atLeast("WARN")).hasSize(1);
        }
    }

    private static void assertPlain(CheckpointStorage storage) {
        assertThat(storage).isExactlyInstanceOf(FileSystemCheckpointStorage.class);
    }
}
