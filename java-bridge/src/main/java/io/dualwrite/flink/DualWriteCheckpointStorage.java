package io.dualwrite.flink;

import java.io.IOException;
import java.util.List;
import java.util.function.UnaryOperator;
import org.apache.flink.api.common.JobID;
import org.apache.flink.runtime.state.CheckpointStorage;
import org.apache.flink.runtime.state.CheckpointStorageAccess;
import org.apache.flink.runtime.state.CompletedCheckpointStorageLocation;

/**
 * Flink's own storage, with a copy for the secondary. Serializes as Flink's own storage: nothing
 * that Flink keeps of a checkpoint names a class of ours, so its recovery does not need the jar.
 * (The configuration that Flink 1.20 and later keep of a job may name the factory.)
 */
final class DualWriteCheckpointStorage implements CheckpointStorage {

    private static final long serialVersionUID = 1L;

    private final CheckpointStorage primary;
    private final transient Native bridge;
    private final transient List<String> settings;
    private final transient UnaryOperator<String> warnings;

    /**
     * @param warnings what is to be said once to a process in a role, null if nothing is
     */
    DualWriteCheckpointStorage(
            CheckpointStorage primary,
            Native bridge,
            List<String> settings,
            UnaryOperator<String> warnings) {
        this.primary = primary;
        this.bridge = bridge;
        this.settings = settings;
        this.warnings = warnings;
    }

    @Override
    public CompletedCheckpointStorageLocation resolveCheckpoint(String externalPointer)
            throws IOException {
        return primary.resolveCheckpoint(externalPointer);
    }

    @Override
    public CheckpointStorageAccess createCheckpointStorage(JobID jobId) throws IOException {
        final CheckpointStorageAccess access = primary.createCheckpointStorage(jobId);
        try {
            return new DualWriteCheckpointStorageAccess(
                    access,
                    bridge,
                    job(jobId, NativeJob.COORDINATOR),
                    job(jobId, NativeJob.WORKER));
        } catch (Throwable t) {
            Faults.report("Wrapping the checkpoint storage of a job", t);
            return access;
        }
    }

    private NativeJob job(JobID jobId, String role) {
        return new NativeJob(bridge, settings, jobId, role, warnings.apply(role));
    }

    private Object writeReplace() {
        return primary;
    }
}
