package io.dualwrite.flink;

import java.util.ArrayList;
import java.util.List;
import javax.annotation.concurrent.GuardedBy;
import org.apache.flink.api.common.JobID;

/**
 * A job in one role, opened in the native library when its handle is first asked for: only Flink's
 * calls show the role. Opens once, whatever comes of it, and never throws. There is no close: Flink
 * tells no storage that its job has ended.
 */
final class NativeJob {

    /** The JobManager's part: publishes checkpoints. */
    static final String COORDINATOR = "coordinator";

    /** A TaskManager's part: copies files. */
    static final String WORKER = "worker";

    private final Native bridge;
    private final List<String> settings;
    private final JobID jobId;
    private final String role;
    private final String warning;

    @GuardedBy("this")
    private boolean opened;

    @GuardedBy("this")
    private long handle = Native.NONE;

    /**
     * @param warning what is said once when the process turns out to have this role, null if
     *     nothing is
     */
    NativeJob(Native bridge, List<String> settings, JobID jobId, String role, String warning) {
        this.bridge = bridge;
        this.settings = settings;
        this.jobId = jobId;
        this.role = role;
        this.warning = warning;
    }

    /** The handle, {@link Native#NONE} if refused. */
    synchronized long handle() {
        if (!opened) {
            opened = true;
            try {
                if (warning != null) {
                    Faults.warnOnce(warning);
                }
                handle = bridge.openJob(all());
            } catch (Throwable t) {
                Faults.report("Opening a job in the native library", t);
            }
        }
        return handle;
    }

    private String[] all() {
        final List<String> all = new ArrayList<>(settings);
        all.add("job.id");
        all.add(jobId.toHexString());
        all.add("job.role");
        all.add(role);
        // Goes before what the configuration says: the last one counts.
        JobNames.of(jobId).ifPresent(name -> addName(all, name));
        return all.toArray(new String[0]);
    }

    private static void addName(List<String> all, String name) {
        all.add("job.name");
        all.add(name);
    }
}
