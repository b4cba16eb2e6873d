// The configuration of a case, by the names that its keys have in the Flink at hand. It knows where
// keys were renamed, and nothing of what they do.
package jobs;

import org.apache.flink.configuration.Configuration;

import java.util.LinkedHashMap;
import java.util.Map;

/** Keys and values in the order in which they were set, for Flink and for job-cases.txt. */
final class Settings {
    private final int flink;
    private final Map<String, String> values = new LinkedHashMap<>();

    /** Flink's version as 100 times the major and the minor: 109 for 1.9, 203 for 2.3. */
    Settings(int flink) {
        this.flink = flink;
    }

    /** What all cases have: checkpoints are kept, and small states are in the metadata. */
    static Settings of(int flink) {
        Settings settings = new Settings(flink).inlined(1);
        settings.since(120, "execution.checkpointing.", "state.checkpoints.", "num-retained", "99");
        if (flink >= 111) { // before, in the job's code: Environment
            settings.set("execution.checkpointing.interval", "250 ms");
            settings.set(
                    "execution.checkpointing.externalized-checkpoint-retention",
                    "RETAIN_ON_CANCELLATION");
        }
        settings.set(flink >= 118 ? "restart-strategy.type" : "restart-strategy", "none");
        return settings;
    }

    Settings checkpoints(String directory) {
        return since(120, "execution.checkpointing.", "state.checkpoints.", "dir", directory);
    }

    /** Up to which size states are in the metadata. */
    Settings inlined(int kib) {
        String size = flink >= 111 ? kib + "kb" : "" + 1024 * kib;
        if (flink >= 120) {
            return set("execution.checkpointing.data-inline-threshold", size);
        }
        String group = flink >= 113 ? "state.storage.fs." : "state.backend.fs.";
        return set(group + "memory-threshold", size);
    }

    Settings backend(String name) {
        return set(flink >= 118 ? "state.backend.type" : "state.backend", name);
    }

    Settings heap() {
        return backend(flink >= 113 ? "hashmap" : "filesystem");
    }

    /** Files that are there stay: nothing of them is compacted away before it was looked at. */
    Settings rocksdb(boolean incremental) {
        backend("rocksdb");
        set("state.backend.rocksdb.compaction.style", "FIFO");
        return since(
                120, "execution.checkpointing.", "state.backend.", "incremental", "" + incremental);
    }

    Settings unaligned() {
        set("taskmanager.memory.segment-size", "4kb");
        String key = "execution.checkpointing.unaligned";
        return set(flink >= 120 ? key + ".enabled" : key, "true");
    }

    Settings changelog(String storage) {
        since(120, "state.changelog.", "state.backend.changelog.", "enabled", "true");
        since(120, "state.changelog.", "state.backend.changelog.", "storage", storage);
        if (flink >= 115) { // in 1.14 it is a constant of Flink's
            String key = "periodic-materialize.interval";
            since(120, "state.changelog.", "state.backend.changelog.", key, "700 ms");
        }
        return this;
    }

    Settings restore(String path, String mode) {
        if (flink >= 115) {
            set(flink >= 120 ? "execution.state-recovery.path" : "execution.savepoint.path", path);
            set(
                    flink >= 120
                            ? "execution.state-recovery.claim-mode"
                            : "execution.savepoint-restore-mode",
                    mode);
        }
        return this;
    }

    Settings set(String key, String value) {
        values.put(key, value);
        return this;
    }

    Configuration configuration() {
        Configuration configuration = new Configuration();
        values.forEach(configuration::setString);
        return configuration;
    }

    Map<String, String> values() {
        return values;
    }

    private Settings since(int version, String group, String before, String key, String value) {
        return set((flink >= version ? group : before) + key, value);
    }
}
