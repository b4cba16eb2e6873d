package io.dualwrite.flink;

import static org.apache.flink.configuration.ConfigOptions.key;

import java.time.Duration;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.MemorySize;

/**
 * The keys, their defaults and what they mean. What values are accepted is said in {@link
 * DualWriteSettings}. Only the part of Flink's {@link ConfigOption} builder that exists from 1.15
 * to 2.3 is used.
 */
public final class DualWriteOptions {

    /** What every key begins with; the native library knows the keys without it. */
    static final String PREFIX = "dualwrite.";

    public static final ConfigOption<Boolean> ENABLED =
            key("dualwrite.enabled")
                    .booleanType()
                    .defaultValue(true)
                    .withDescription(
                            "Whether checkpoints are copied to the secondary. If not, Flink's own"
                                    + " checkpoint storage is used as it is, as though this product"
                                    + " were not there.");

    public static final ConfigOption<String> SECONDARY_DIR =
            key("dualwrite.secondary.dir")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "The checkpoint directory on the secondary. Below it, names are as"
                                + " below the primary's. Without it nothing is copied, and one WARN"
                                + " says so.");

    public static final ConfigOption<String> SECONDARY_HADOOP_CONF_DIR =
            key("dualwrite.secondary.hadoop-conf-dir")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "The directory with the secondary's core-site.xml and hdfs-site.xml, on"
                                + " every JobManager and TaskManager. Needed if the secondary is"
                                + " named by a nameservice; not if dualwrite.secondary.dir names"
                                + " host and port.");

    public static final ConfigOption<String> SECONDARY_USER =
            key("dualwrite.secondary.user")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "The user as whom files are written to the secondary. Without it, the"
                                    + " user of the process.");

    public static final ConfigOption<String> PRIMARY_DIR =
            key("dualwrite.primary.dir")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "The checkpoint directory on the primary, in place of Flink's own key."
                                + " Only for Flink 1.15 to 1.18, where Flink's own key switches the"
                                + " factory off.");

    public static final ConfigOption<String> PRIMARY_HADOOP_CONF_DIR =
            key("dualwrite.primary.hadoop-conf-dir")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "The directory with the primary's core-site.xml and hdfs-site.xml, for"
                                + " copying files that were missed. Without it, the environment's"
                                + " HADOOP_CONF_DIR.");

    public static final ConfigOption<List<String>> PRIMARY_ALIASES =
            key("dualwrite.primary.aliases")
                    .stringType()
                    .asList()
                    .noDefaultValue()
                    .withDescription(
                            "Further names of the primary's file system, if paths in checkpoints"
                                    + " have others than its checkpoint directory, separated by"
                                    + " semicolons: a nameservice and its hosts, hdfs:// for paths"
                                    + " without an authority, / for paths without a scheme. No"
                                    + " other name is taken for the primary's, except that port"
                                    + " 8020 of hdfs may be left out.");

    public static final ConfigOption<List<String>> PATH_MAPPING =
            key("dualwrite.path-mapping")
                    .stringType()
                    .asList()
                    .noDefaultValue()
                    .withDescription(
                            "Further places to which checkpoints refer, and where they are on the"
                                    + " secondary: pairs of roots, primary=secondary, separated by"
                                    + " semicolons.");

    public static final ConfigOption<MemorySize> BUFFER_MEMORY =
            key("dualwrite.buffer.memory")
                    .memoryType()
                    .defaultValue(MemorySize.parse("64mb"))
                    .withDescription(
                            "The most native memory that holds bytes on their way to the secondary,"
                                + " per process; what is copied from the primary or read from local"
                                + " disk takes up to 24mb more. It lies outside Flink's memory"
                                + " model: leave room for it in the JVM overhead. It is taken as"
                                + " needed and given back when idle. If it is used up, a file is"
                                + " not copied at once but later, from the primary.");

    public static final ConfigOption<MemorySize> CHUNK_SIZE =
            key("dualwrite.chunk.size")
                    .memoryType()
                    .defaultValue(MemorySize.parse("256kb"))
                    .withDescription(
                            "The size of the pieces in which that memory is lent. Each file that is"
                                    + " being written holds at least one.");

    public static final ConfigOption<MemorySize> SPILL_MAX_SIZE =
            key("dualwrite.spill.max-size")
                    .memoryType()
                    .defaultValue(MemorySize.parse("1gb"))
                    .withDescription(
                            "The most local disk that holds bytes on their way to the secondary,"
                                + " per process, when that memory is half used up. Nothing is"
                                + " written while less than 5 % of the file system is free. The"
                                + " files have no names and are gone with the process. To keep up"
                                + " with a link that is slower than the job, it must hold what a"
                                + " TaskManager writes for one checkpoint. 0 switches it off.");

    public static final ConfigOption<String> SPILL_DIR =
            key("dualwrite.spill.dir")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "Where these files are. Without it, in each of Flink's io.tmp.dirs.");

    public static final ConfigOption<Integer> UPLOAD_CONCURRENCY =
            key("dualwrite.upload.concurrency")
                    .intType()
                    .defaultValue(32)
                    .withDescription(
                            "How many files are written to the secondary at a time, per process, as"
                                + " they are written to the primary; each holds one connection to a"
                                + " DataNode. On a slow link they are fewer. Further ones: up to a"
                                + " quarter as many of checkpoints that are left out, two that are"
                                + " copied from the primary, and up to four of each job that would"
                                + " have to wait for the files of others.");

    public static final ConfigOption<MemorySize> BANDWIDTH_LIMIT =
            key("dualwrite.upload.bandwidth-limit")
                    .memoryType()
                    .noDefaultValue()
                    .withDescription(
                            "The most bytes of files that go to the secondary in a second, per"
                                    + " process. Without it there is no limit.");

    public static final ConfigOption<Duration> CALL_TIMEOUT =
            key("dualwrite.call.timeout")
                    .durationType()
                    .defaultValue(Duration.ofSeconds(10))
                    .withDescription(
                            "How long a single call to a cluster may take before it is given up.");

    public static final ConfigOption<Integer> SECONDARY_RETAINED =
            key("dualwrite.secondary.retained")
                    .intType()
                    .defaultValue(3)
                    .withDescription(
                            "How many published checkpoints of a job are kept on the secondary.");

    public static final ConfigOption<Duration> RETENTION_GRACE =
            key("dualwrite.retention.grace")
                    .durationType()
                    .defaultValue(Duration.ofSeconds(30))
                    .withDescription(
                            "How long after the _metadata of a retired checkpoint its files are"
                                    + " deleted from the secondary.");

    public static final ConfigOption<Duration> PUBLISH_TIMEOUT =
            key("dualwrite.publish.timeout")
                    .durationType()
                    .defaultValue(Duration.ofMinutes(10))
                    .withDescription(
                            "How long a checkpoint may wait for its files on the secondary before"
                                    + " it is given up.");

    public static final ConfigOption<Duration> BACKFILL_GRACE =
            key("dualwrite.backfill.grace")
                    .durationType()
                    .defaultValue(Duration.ofSeconds(5))
                    .withDescription(
                            "How long the JobManager waits for a missing file, which a TaskManager"
                                + " may be writing, before it copies it from the primary itself. To"
                                + " make up for a TaskManager that does not copy, it must be"
                                + " shorter than the time for which the primary keeps a checkpoint:"
                                + " the checkpoint interval times the number of retained"
                                + " checkpoints.");

    public static final ConfigOption<String> METRICS_PORT =
            key("dualwrite.metrics.port")
                    .stringType()
                    .defaultValue("9260-9299")
                    .withDescription(
                            "Where a process serves its metrics by HTTP: the first port of the"
                                    + " range that is free, so that several TaskManagers of one"
                                    + " machine have one each. The log has the address. 0 switches"
                                    + " it off.");

    public static final ConfigOption<String> METRICS_BIND_ADDRESS =
            key("dualwrite.metrics.bind-address")
                    .stringType()
                    .defaultValue("0.0.0.0")
                    .withDescription(
                            "The local address at which it does. Whoever reaches it sees the names"
                                    + " of jobs and clusters; 127.0.0.1 keeps it to the machine.");

    public static final ConfigOption<String> NATIVE_DIR =
            key("dualwrite.native.dir")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "Where the native library is unpacked while it is loaded; must not be"
                                    + " mounted noexec. If that fails or is not set: Flink's"
                                    + " io.tmp.dirs, then the JVM's temporary directory.");

    public static final ConfigOption<String> NATIVE_PATH =
            key("dualwrite.native.path")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "A native library file to load in place of the jar's own, of the same"
                                    + " version.");

    public static final ConfigOption<Duration> SHUTDOWN_TIMEOUT =
            key("dualwrite.shutdown.timeout")
                    .durationType()
                    .defaultValue(Duration.ofSeconds(5))
                    .withDescription(
                            "How long a stopping process may go on to finish what is on its way to"
                                    + " the secondary.");

    private DualWriteOptions() {}
}
