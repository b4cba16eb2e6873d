// Runs every case that the Flink on the class path can make, and writes its metadata and listing. A
// case that fails makes the whole fail; the others are made all the same.
package jobs;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.List;

public final class Jobs {
    private final int flink;
    private final Path root;
    private final Path goldens;
    private final List<String> modules;
    private final StringBuilder report = new StringBuilder();
    private int failed;

    /**
     * Arguments: Flink's version, the directory of its checkpoints, the directory of the goldens,
     * and which of the modules {@code dstl} and {@code forst} there are.
     */
    public static void main(String[] args) throws Exception {
        Jobs jobs = new Jobs(args);
        jobs.all();
        Files.write(
                jobs.goldens.resolve("job-cases.txt"),
                jobs.report.toString().getBytes(StandardCharsets.UTF_8));
        System.exit(jobs.failed == 0 ? 0 : 1); // Flink leaves threads that are no daemons
    }

    private Jobs(String[] args) {
        String[] version = args[0].split("\\.");
        flink = 100 * Integer.parseInt(version[0]) + Integer.parseInt(version[1]);
        root = Paths.get(args[1]);
        goldens = Paths.get(args[2]);
        modules = Arrays.asList(args).subList(3, args.length);
    }

    private void all() {
        run("heap", this::heap);
        run("rocksdb-full", this::rocksdbFull);
        run("rocksdb-incremental", this::rocksdbIncremental);
        run("savepoint-canonical", this::savepointCanonical);
        if (flink >= 111) {
            run("unaligned", this::unaligned);
        }
        if (flink >= 112) {
            run("coordinator", this::coordinator);
        }
        if (flink >= 114) {
            run("finished-source", this::finishedSource);
            run("changelog-memory", this::changelogInMemory);
        }
        if (flink < 115) {
            run("restored", place -> restored(place, "restored", ""));
        } else {
            run("savepoint-native-heap", place -> savepointNative(place, false));
            run("savepoint-native-rocksdb", place -> savepointNative(place, true));
            run("claim", place -> restored(place, "claim", "CLAIM"));
            run("no-claim", place -> restored(place, "no-claim", "NO_CLAIM"));
        }
        if (flink >= 120) {
            run("file-merging", place -> fileMerging(place, "file-merging", false));
            run("file-merging-across", place -> fileMerging(place, "file-merging-across", true));
        }
        if (modules.contains("dstl")) {
            run("changelog", this::changelog);
        }
        if (modules.contains("forst")) {
            run("forst", this::forst);
        }
    }

    private interface Making {
        void make(String place) throws Exception;
    }

    private void run(String name, Making making) {
        long begin = System.nanoTime();
        String result = "made";
        try {
            making.make("file:" + root.resolve(name));
        } catch (Throwable e) {
            failed++;
            result = "FAILED";
            e.printStackTrace();
        }
        long took = (System.nanoTime() - begin) / 1_000_000;
        System.out.printf("%-26s %s, %d ms%n", name, result, took);
    }

    private Settings settings(String place) {
        return Settings.of(flink).checkpoints(place + "/checkpoints");
    }

    private Case one() {
        return new Case(goldens, report);
    }

    private void heap(String place) throws Exception {
        Settings settings = settings(place).heap().inlined(2);
        try (Job job = Job.run(settings, Flow.PLAIN, null)) {
            one().checkpoint(
                    "heap", job, settings, Facts.KEYED_FILE, Facts.KEYED_INLINE,
                    Facts.OPERATOR_FILE, Facts.OPERATOR_INLINE);
        }
    }

    /** Timers on the heap are raw keyed state beside RocksDB's. */
    private void rocksdbFull(String place) throws Exception {
        Settings settings = settings(place).rocksdb(false).inlined(2);
        settings.set("state.backend.rocksdb.timer-service.factory", "HEAP");
        try (Job job = Job.run(settings, Flow.PLAIN, null)) {
            if (flink >= 116) { // full ones in RocksDB's own format
                one().checkpoint(
                        "rocksdb-full", job, settings, "IncrementalRemoteKeyedStateHandle",
                        Snapshot.RELATIVE, Facts.RAW_KEYED);
            } else {
                one().checkpoint(
                        "rocksdb-full", job, settings, Facts.KEYED_FILE, Facts.KEYED_INLINE,
                        Facts.RAW_KEYED);
            }
        }
    }

    private void rocksdbIncremental(String place) throws Exception {
        Settings settings = settings(place).rocksdb(true);
        try (Job job = Job.run(settings, Flow.PLAIN, null)) {
            one().checkpoint(
                    "rocksdb-incremental", job, settings, "IncrementalRemoteKeyedStateHandle",
                    Case.EARLIER);
        }
    }

    private void savepointCanonical(String place) throws Exception {
        Settings settings = settings(place).rocksdb(true);
        try (Job job = Job.run(settings, Flow.PLAIN, null)) {
            one().checkpoint(null, job, settings, Facts.OPERATOR_FILE);
            String handle = flink >= 113 ? "KeyGroupsSavepointStateHandle" : "KeyGroupsStateHandle";
            String pointer = job.savepoint(place + "/savepoints", true);
            one().savepoint("savepoint-canonical", pointer, settings, handle, Facts.KEYED_FILE);
        }
    }

    private void savepointNative(String place, boolean rocksdb) throws Exception {
        Settings settings = rocksdb ? settings(place).rocksdb(true) : settings(place).heap();
        String name = rocksdb ? "savepoint-native-rocksdb" : "savepoint-native-heap";
        String handle =
                rocksdb ? "IncrementalRemoteKeyedStateHandle" : "KeyGroupsStateHandle";
        try (Job job = Job.run(settings, Flow.PLAIN, null)) {
            one().checkpoint(null, job, settings, Facts.OPERATOR_FILE);
            String pointer = job.savepoint(place + "/savepoints", false);
            one().savepoint(name, pointer, settings, handle, Snapshot.RELATIVE);
        }
    }

    private void unaligned(String place) throws Exception {
        Settings settings = settings(place).heap().unaligned();
        try (Job job = Job.run(settings, Flow.CONGESTED, null)) {
            if (flink >= 201) {
                one().checkpoint(
                        "unaligned", job, settings, "MergedInputChannelStateHandle",
                        "MergedResultSubpartitionStateHandle");
            } else {
                one().checkpoint(
                        "unaligned", job, settings, Facts.CHANNEL_INPUT, Facts.CHANNEL_OUTPUT);
            }
        }
    }

    private void coordinator(String place) throws Exception {
        Settings settings = settings(place).heap();
        try (Job job = Job.run(settings, Flow.COORDINATED, null)) {
            one().checkpoint("coordinator", job, settings, Facts.COORDINATOR, Facts.KEYED_FILE);
        }
    }

    private void finishedSource(String place) throws Exception {
        Settings settings = settings(place).heap();
        if (flink == 114) {
            settings.set(
                    "execution.checkpointing.checkpoints-after-tasks-finish.enabled", "true");
        }
        try (Job job = Job.run(settings, Flow.ENDING, null)) {
            one().checkpoint(
                    "finished-source", job, settings, Facts.FINISHED_OPERATOR,
                    Facts.FINISHED_SUBTASK);
        }
    }

    private void changelogInMemory(String place) throws Exception {
        Settings settings = settings(place).rocksdb(true).changelog("memory");
        try (Job job = Job.run(settings, Flow.PLAIN, null)) {
            if (flink == 114) { // it materializes after ten minutes, which cannot be set
                one().checkpoint(
                        "changelog-memory", job, settings, "InMemoryChangelogStateHandle");
            } else {
                one().checkpoint(
                        "changelog-memory", job, settings, "InMemoryChangelogStateHandle",
                        Facts.MATERIALIZED, Facts.NOT_MATERIALIZED);
            }
        }
    }

    private void changelog(String place) throws Exception {
        Settings settings = settings(place).rocksdb(true).changelog("filesystem");
        settings.set("dstl.dfs.base-path", place + "/changelog");
        try (Job job = Job.run(settings, Flow.PLAIN, null)) {
            one().checkpoint(
                    "changelog", job, settings, "ChangelogStateHandleStreamImpl",
                    Facts.MATERIALIZED, Facts.NOT_MATERIALIZED);
        }
    }

    /** A job restored from another one's checkpoint: its first checkpoint and a later one. */
    private void restored(String place, String name, String mode) throws Exception {
        Settings before = settings(place).rocksdb(true);
        String pointer;
        String directory;
        try (Job job = Job.run(before, Flow.PLAIN, null)) {
            pointer = one().checkpoint(null, job, before, Case.EARLIER);
            directory = place + "/checkpoints/" + job.id() + "/";
        }
        Settings settings = settings(place).rocksdb(true).restore(pointer, mode);
        Case one = one().restoredFrom(directory);
        String fact = mode.equals("NO_CLAIM") ? Case.NONE_OF_OTHER : Case.OTHER;
        try (Job job = Job.run(settings, Flow.PLAIN, pointer)) {
            one.checkpoint(name + "-first", job, settings, fact, Facts.OPERATOR_FILE);
            one.checkpoint(name + "-later", job, settings, fact, Case.EARLIER);
        }
    }

    private void fileMerging(String place, String name, boolean across) throws Exception {
        Settings settings = settings(place).rocksdb(true);
        settings.set("execution.checkpointing.file-merging.enabled", "true");
        settings.set(
                "execution.checkpointing.file-merging.across-checkpoint-boundary", "" + across);
        try (Job job = Job.run(settings, Flow.PLAIN, null)) {
            one().checkpoint(
                    name, job, settings, Snapshot.SEGMENT, Snapshot.DIRECTORY, Case.EARLIER,
                    "FileMergingOperatorStreamStateHandle");
        }
    }

    private void forst(String place) throws Exception {
        Settings settings = settings(place).backend("forst");
        settings.set("execution.checkpointing.incremental", "true");
        try (Job job = Job.run(settings, Flow.PLAIN, null)) {
            one().checkpoint(
                    "forst", job, settings, "IncrementalRemoteKeyedStateHandle", Case.EARLIER);
        }
    }
}
