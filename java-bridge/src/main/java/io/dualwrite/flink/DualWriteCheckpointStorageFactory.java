package io.dualwrite.flink;

import java.util.List;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.IllegalConfigurationException;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.runtime.state.CheckpointStorage;
import org.apache.flink.runtime.state.CheckpointStorageFactory;
import org.apache.flink.runtime.state.storage.FileSystemCheckpointStorage;

/**
 * The class to name in {@code execution.checkpointing.storage} ({@code state.checkpoint-storage}
 * before Flink 1.20). Makes Flink's own storage and wraps it if everything is there for a copy on
 * the secondary; in every other case it returns Flink's own as it is, and says why, once per
 * process. Refuses nothing itself: what Flink's own storage throws passes unchanged, and nothing
 * else is thrown.
 *
 * <p>Flink calls it once on the JobManager and once per subtask ({@code CheckpointStorageLoader},
 * 1.13 to 2.3).
 */
public final class DualWriteCheckpointStorageFactory
        implements CheckpointStorageFactory<CheckpointStorage> {

    private final NativeLibrary library;

    /** Called by Flink, by reflection. */
    public DualWriteCheckpointStorageFactory() {
        this(null);
    }

    /** With a library of its own, null for the process's. */
    DualWriteCheckpointStorageFactory(NativeLibrary library) {
        this.library = library;
    }

    @Override
    public CheckpointStorage createFromConfig(ReadableConfig config, ClassLoader classLoader)
            throws IllegalConfigurationException {
        final FileSystemCheckpointStorage primary =
                FileSystemCheckpointStorage.createFromConfig(withPrimaryDir(config), classLoader);
        try {
            Faults.prepare();
            return wrap(primary, config);
        } catch (InvalidOptionException e) {
            Faults.errorOnce(e.getMessage() + " Checkpoints are not copied to a secondary.");
        } catch (Throwable t) {
            Faults.report("Setting up the copy of checkpoints", t);
        }
        return primary;
    }

    /** The storage of which the secondary gets a copy, or Flink's own. */
    private CheckpointStorage wrap(FileSystemCheckpointStorage primary, ReadableConfig config)
            throws InvalidOptionException {
        if (!DualWriteSettings.ENABLED.read(config).orElse(true)) {
            Faults.infoOnce("dualwrite.enabled is false: checkpoints are not copied.");
            return primary;
        }
        if (!config.getOptional(DualWriteOptions.SECONDARY_DIR).isPresent()) {
            Faults.warnOnce(
                    "dualwrite.secondary.dir is not set: checkpoints are not copied. Set it to the"
                            + " checkpoint directory on the secondary, such as"
                            + " hdfs://<host:port>/flink/checkpoints.");
            return primary;
        }
        final List<String> settings =
                DualWriteSettings.read(
                        config,
                        primary.getCheckpointPath().toString(),
                        System.getenv("HADOOP_CONF_DIR"));
        final Native bridge = (library == null ? NativeLibrary.ofProcess() : library).load(config);
        return bridge == null
                ? primary
                : new DualWriteCheckpointStorage(
                        primary,
                        bridge,
                        settings,
                        role -> JvmOverhead.warning(config, role).orElse(null));
    }

    /** The configuration with the checkpoint directory of our own key, if there is one. */
    private static ReadableConfig withPrimaryDir(ReadableConfig config) {
        try {
            final String dir = config.get(DualWriteOptions.PRIMARY_DIR);
            if (dir != null && config instanceof Configuration) {
                final Configuration with = new Configuration((Configuration) config);
                with.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, dir);
                return with;
            }
        } catch (Throwable ignored) {
            // whatever is wrong with the key is said when all of them are checked
        }
        return config;
    }
}
