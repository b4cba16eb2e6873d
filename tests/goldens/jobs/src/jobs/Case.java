// One case: it waits for the first checkpoint in which everything is that the case is about, and
// keeps its metadata. It refuses a checkpoint that lacks something, and a file that is not there.
package jobs;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

final class Case {
    static final String EARLIER = "file of an earlier checkpoint";
    static final String OTHER = "file of the other job";
    static final String NONE_OF_OTHER = "no file of the other job";
    private static final int SECONDS = 60;

    private final Path goldens;
    private final StringBuilder report;
    private final Set<Long> seen = new HashSet<>();
    private final Set<String> earlier = new HashSet<>();
    /** The directory of the job that this one was restored from, or null. */
    private String other;

    Case(Path goldens, StringBuilder report) {
        this.goldens = goldens;
        this.report = report;
    }

    Case restoredFrom(String directory) {
        other = directory;
        return this;
    }

    /** Waits for a checkpoint that was not looked at before and has all that is needed. */
    String checkpoint(String name, Job job, Settings settings, String... needs) throws Exception {
        long end = System.nanoTime() + SECONDS * 1_000_000_000L;
        String lack = "nothing was completed";
        while (System.nanoTime() < end) {
            for (Map.Entry<Long, String> one : job.checkpoints().entrySet()) {
                if (seen.add(one.getKey())) {
                    Snapshot snapshot = snapshot(one.getValue());
                    Set<String> missing = missing(snapshot, needs);
                    if (missing.isEmpty()) {
                        keep(name, snapshot, "checkpoint " + one.getKey(), settings, needs);
                        return one.getValue();
                    }
                    lack = "checkpoint " + one.getKey() + lack(missing, snapshot);
                }
            }
            Thread.sleep(20);
        }
        throw new IllegalStateException("In " + SECONDS + " s the last was this: " + lack);
    }

    void savepoint(String name, String pointer, Settings settings, String... needs)
            throws Exception {
        Snapshot snapshot = snapshot(pointer);
        Set<String> missing = missing(snapshot, needs);
        if (!missing.isEmpty()) {
            throw new IllegalStateException("the savepoint" + lack(missing, snapshot));
        }
        keep(name, snapshot, "savepoint", settings, needs);
    }

    private Snapshot snapshot(String pointer) throws Exception {
        Snapshot snapshot = new Snapshot(pointer);
        for (String file : snapshot.files) {
            if (!earlier.add(file)) {
                snapshot.facts.add(EARLIER);
            }
            if (other != null && file.startsWith(other)) {
                snapshot.facts.add(OTHER);
            }
        }
        if (!snapshot.facts.contains(OTHER)) {
            snapshot.facts.add(NONE_OF_OTHER);
        }
        return snapshot;
    }

    private static String lack(Set<String> missing, Snapshot snapshot) {
        return " lacks " + missing + ", has " + snapshot.facts + "\n" + snapshot.listing;
    }

    private static Set<String> missing(Snapshot snapshot, String... needs) {
        Set<String> missing = new TreeSet<>(Arrays.asList(needs));
        missing.removeAll(snapshot.facts);
        return missing;
    }

    /** Without a name it was only waited for. */
    private void keep(
            String name, Snapshot snapshot, String what, Settings settings, String... needs)
            throws Exception {
        if (name == null) {
            return;
        }
        Files.write(goldens.resolve("job-" + name + ".metadata"), snapshot.metadata);
        Files.write(
                goldens.resolve("job-" + name + ".listing"),
                snapshot.listing.getBytes(StandardCharsets.UTF_8));
        report.append("job-").append(name).append(": ").append(what).append('\n');
        List<String> has = Arrays.asList(needs);
        report.append("  has ").append(String.join(", ", has)).append('\n');
        settings.values().forEach((key, value) ->
                report.append("  ").append(key).append(": ").append(value).append('\n'));
    }
}
