package io.dualwrite.flink;

import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.ReadableConfig;

/**
 * What values the options take, one by one and together, and the list of names and values in base
 * units that the native library gets. Touches no file system: whether a directory is there, only
 * its cluster can say.
 */
final class DualWriteSettings {

    private static final String DIRECTORY = "the absolute path of a local directory";

    static final OptionRule<Boolean> ENABLED = OptionRule.bool(DualWriteOptions.ENABLED);

    static final OptionRule<String> SECONDARY_DIR =
            OptionRule.text(
                    DualWriteOptions.SECONDARY_DIR,
                    "hdfs://<host:port or nameservice>/<path> or file:///<path>, neither the"
                            + " primary's checkpoint directory nor inside it nor around it",
                    Roots::isAccepted);

    static final OptionRule<String> PRIMARY_DIR =
            OptionRule.text(
                    DualWriteOptions.PRIMARY_DIR,
                    "a URI with a scheme, such as hdfs://<host:port or nameservice>/<path>",
                    Roots::hasScheme);

    static final OptionRule<List<String>> PRIMARY_ALIASES =
            OptionRule.list(
                    DualWriteOptions.PRIMARY_ALIASES,
                    "<scheme>://<authority>, <scheme>:// or /, separated by semicolons, none of"
                            + " them a name of the secondary",
                    Roots::isAlias);

    static final OptionRule<MemorySize> BUFFER_MEMORY =
            OptionRule.memory(DualWriteOptions.BUFFER_MEMORY, "4kb", "1024gb");

    static final OptionRule<MemorySize> CHUNK_SIZE =
            OptionRule.memory(DualWriteOptions.CHUNK_SIZE, "4kb", "1gb");

    static final OptionRule<MemorySize> SPILL_MAX_SIZE =
            OptionRule.memory(DualWriteOptions.SPILL_MAX_SIZE, "0", "16384gb");

    static final OptionRule<String> SPILL_DIR =
            OptionRule.text(DualWriteOptions.SPILL_DIR, DIRECTORY, Roots::isLocal);

    static final OptionRule<String> NATIVE_DIR =
            OptionRule.text(DualWriteOptions.NATIVE_DIR, DIRECTORY, Roots::isLocal);

    static final OptionRule<String> NATIVE_PATH =
            OptionRule.text(
                    DualWriteOptions.NATIVE_PATH,
                    "the absolute path of a local file",
                    Roots::isLocal);

    /** All of them, in the order in which they are documented. */
    static final List<OptionRule<?>> ALL =
            Collections.unmodifiableList(
                    Arrays.asList(
                            SECONDARY_DIR,
                            OptionRule.text(
                                    DualWriteOptions.SECONDARY_HADOOP_CONF_DIR,
                                    DIRECTORY,
                                    Roots::isLocal),
                            OptionRule.text(
                                    DualWriteOptions.SECONDARY_USER,
                                    "a user name without spaces",
                                    user -> user.matches("\\S+")),
                            ENABLED,
                            PRIMARY_DIR,
                            OptionRule.text(
                                    DualWriteOptions.PRIMARY_HADOOP_CONF_DIR,
                                    DIRECTORY,
                                    Roots::isLocal),
                            PRIMARY_ALIASES,
                            OptionRule.list(
                                    DualWriteOptions.PATH_MAPPING,
                                    "pairs <primary URI>=<secondary URI>, separated by semicolons,"
                                            + " the secondary as in dualwrite.secondary.dir",
                                    Roots::isPair),
                            BUFFER_MEMORY,
                            CHUNK_SIZE,
                            SPILL_MAX_SIZE,
                            SPILL_DIR,
                            OptionRule.between(DualWriteOptions.UPLOAD_CONCURRENCY, 1, 64),
                            OptionRule.memory(DualWriteOptions.BANDWIDTH_LIMIT, "64kb", "1024gb"),
                            OptionRule.duration(DualWriteOptions.CALL_TIMEOUT, 1),
                            OptionRule.duration(DualWriteOptions.PUBLISH_TIMEOUT, 1),
                            OptionRule.duration(DualWriteOptions.BACKFILL_GRACE, 0),
                            OptionRule.atLeastOne(DualWriteOptions.SECONDARY_RETAINED),
                            OptionRule.duration(DualWriteOptions.RETENTION_GRACE, 0),
                            OptionRule.duration(DualWriteOptions.SHUTDOWN_TIMEOUT, 0),
                            OptionRule.text(
                                    DualWriteOptions.METRICS_PORT,
                                    "a port, a range of ports such as 9260-9299, or 0",
                                    DualWriteSettings::isPorts),
                            OptionRule.text(
                                    DualWriteOptions.METRICS_BIND_ADDRESS,
                                    "an IP address or a host name",
                                    address -> address.matches("[\\w.:%-]+")),
                            NATIVE_DIR,
                            NATIVE_PATH));

    private DualWriteSettings() {}

    /**
     * All that is set or has a default, under its key without the prefix, with the primary's
     * directory, the job's name if the configuration has one, the environment's HADOOP_CONF_DIR if
     * no other was set, and Flink's temporary directories unless another was set to spill to.
     *
     * @param primaryDir the primary's checkpoint directory as Flink writes it into paths
     * @param environmentHadoopConfDir null if the environment has none
     * @return alternating names and values
     */
    static List<String> read(
            ReadableConfig config, String primaryDir, String environmentHadoopConfDir)
            throws InvalidOptionException {
        final List<String> settings = new ArrayList<>();
        for (OptionRule<?> rule : ALL) {
            final Optional<String> value = rule.readBase(config);
            if (value.isPresent() && rule != PRIMARY_DIR && rule != SPILL_DIR) {
                add(settings, nativeName(rule), value.get());
            }
        }
        checkTogether(config, primaryDir);
        add(settings, nativeName(PRIMARY_DIR), primaryDir);
        if (environmentHadoopConfDir != null
                && !config.getOptional(DualWriteOptions.PRIMARY_HADOOP_CONF_DIR).isPresent()) {
            add(settings, "primary.hadoop-conf-dir", environmentHadoopConfDir);
        }
        final Optional<String> spillDir = SPILL_DIR.read(config);
        final List<String> spillDirs =
                spillDir.map(Collections::singletonList).orElseGet(() -> temporaryDirs(config));
        add(settings, "spill.dirs", String.join(";", spillDirs));
        config.getOptional(PipelineOptions.NAME).ifPresent(name -> add(settings, "job.name", name));
        return settings;
    }

    /** Flink's, with the separators of its ConfigurationUtils.splitPaths. */
    static List<String> temporaryDirs(ReadableConfig config) {
        return Arrays.stream(config.get(CoreOptions.TMP_DIRS).split(",|" + File.pathSeparator))
                .map(String::trim)
                .collect(Collectors.toList());
    }

    /** As the native library takes them. */
    private static boolean isPorts(String text) {
        final String[] ends = text.trim().split("\\s*-\\s*", -1);
        final boolean areNumbers =
                ends.length <= 2 && Arrays.stream(ends).allMatch(end -> end.matches("\\d{1,5}"));
        if (!areNumbers) {
            return false;
        }
        final int from = Integer.parseInt(ends[0]);
        final int to = Integer.parseInt(ends[ends.length - 1]);
        return from <= to && to <= 65535 && (from > 0 || to == 0);
    }

    private static void checkTogether(ReadableConfig config, String primaryDir)
            throws InvalidOptionException {
        final Optional<String> secondary = SECONDARY_DIR.read(config);
        if (secondary.isPresent() && Roots.overlap(secondary.get(), primaryDir)) {
            throw SECONDARY_DIR.refuse(config);
        }
        final Optional<List<String>> aliases = PRIMARY_ALIASES.read(config);
        if (secondary.isPresent()
                && aliases.isPresent()
                && !Roots.sameCluster(primaryDir, secondary.get())
                && aliases.get().stream()
                        .anyMatch(alias -> Roots.sameCluster(alias, secondary.get()))) {
            throw PRIMARY_ALIASES.refuse(config);
        }
        final MemorySize memory = config.get(DualWriteOptions.BUFFER_MEMORY);
        if (config.get(DualWriteOptions.CHUNK_SIZE).compareTo(memory) > 0) {
            throw CHUNK_SIZE.refuse(config, ", not above dualwrite.buffer.memory, " + memory);
        }
    }

    private static String nativeName(OptionRule<?> rule) {
        return rule.option.key().substring(DualWriteOptions.PREFIX.length());
    }

    private static void add(List<String> settings, String name, String value) {
        settings.add(name);
        settings.add(value);
    }
}
