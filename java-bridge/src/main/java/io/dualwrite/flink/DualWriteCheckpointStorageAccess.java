package io.dualwrite.flink;

import java.io.IOException;
import org.apache.flink.runtime.checkpoint.filemerging.FileMergingSnapshotManager;
import org.apache.flink.runtime.execution.Environment;
import org.apache.flink.runtime.state.CheckpointStateOutputStream;
import org.apache.flink.runtime.state.CheckpointStateToolset;
import org.apache.flink.runtime.state.CheckpointStorageAccess;
import org.apache.flink.runtime.state.CheckpointStorageLocation;
import org.apache.flink.runtime.state.CheckpointStorageLocationReference;
import org.apache.flink.runtime.state.CheckpointStorageWorkerView;
import org.apache.flink.runtime.state.CheckpointStreamFactory;
import org.apache.flink.runtime.state.CompletedCheckpointStorageLocation;

/**
 * The storage of one job: Flink's own, with checkpoints and task-owned state teed. Savepoints pass
 * through untouched. Every method is delegated but {@link #toFileMergingStorage}, which would lead
 * writes past the tee.
 *
 * <p>Read in Flink 1.15.4, 1.20.5, 2.2.1 and 2.3.0; the interface differs in toFileMergingStorage
 * alone (since 1.19).
 */
final class DualWriteCheckpointStorageAccess implements CheckpointStorageAccess {

    private final CheckpointStorageAccess primary;
    private final Native bridge;
    private final NativeJob coordinator;
    private final NativeJob worker;

    DualWriteCheckpointStorageAccess(
            CheckpointStorageAccess primary,
            Native bridge,
            NativeJob coordinator,
            NativeJob worker) {
        this.primary = primary;
        this.bridge = bridge;
        this.coordinator = coordinator;
        this.worker = worker;
    }

    // ---- the JobManager's part

    @Override
    public boolean supportsHighlyAvailableStorage() {
        return primary.supportsHighlyAvailableStorage();
    }

    @Override
    public boolean hasDefaultSavepointLocation() {
        return primary.hasDefaultSavepointLocation();
    }

    @Override
    public CompletedCheckpointStorageLocation resolveCheckpoint(String externalPointer)
            throws IOException {
        return primary.resolveCheckpoint(externalPointer);
    }

    /**
     * Says nothing of the role: with file merging on, Flink 1.20 and later call it in each task,
     * too.
     */
    @Override
    public void initializeBaseLocationsForCheckpoint() throws IOException {
        primary.initializeBaseLocationsForCheckpoint();
    }

    @Override
    public CheckpointStorageLocation initializeLocationForCheckpoint(long checkpointId)
            throws IOException {
        final long triggeredAtMs = System.currentTimeMillis();
        final CheckpointStorageLocation location =
                primary.initializeLocationForCheckpoint(checkpointId);
        try {
            final long job = coordinator.handle();
            return job == Native.NONE
                    ? location
                    : new DualWriteCheckpointStorageLocation(
                            location, new MetadataOffer(bridge, job, checkpointId, triggeredAtMs));
        } catch (Throwable t) {
            Faults.report("Wrapping the location of a checkpoint", t);
            return location;
        }
    }

    @Override
    public CheckpointStorageLocation initializeLocationForSavepoint(
            long checkpointId, String externalLocationPointer) throws IOException {
        return primary.initializeLocationForSavepoint(checkpointId, externalLocationPointer);
    }

    // ---- the TaskManager's part

    @Override
    public CheckpointStreamFactory resolveCheckpointStorageLocation(
            long checkpointId, CheckpointStorageLocationReference reference) throws IOException {
        final CheckpointStreamFactory factory =
                primary.resolveCheckpointStorageLocation(checkpointId, reference);
        try {
            // checkpoints have the default reference, a savepoint's names its directory
            final long job = reference.isDefaultReference() ? worker.handle() : Native.NONE;
            return job == Native.NONE
                    ? factory
                    : new DualWriteStreamFactory(factory, bridge, job, checkpointId);
        } catch (Throwable t) {
            Faults.report("Wrapping the streams of a checkpoint", t);
            return factory;
        }
    }

    @Override
    public CheckpointStateOutputStream createTaskOwnedStateStream() throws IOException {
        final CheckpointStateOutputStream stream = primary.createTaskOwnedStateStream();
        try {
            final long job = worker.handle();
            return job == Native.NONE
                    ? stream
                    : new TeeOutputStream(
                            stream,
                            new TeeSession(
                                    bridge,
                                    job,
                                    Native.SCOPE_TASK_OWNED,
                                    Native.UNKNOWN_CHECKPOINT));
        } catch (Throwable t) {
            Faults.report("Wrapping a stream of task-owned state", t);
            return stream;
        }
    }

    @Override
    public CheckpointStateToolset createTaskOwnedCheckpointStateToolset() {
        return primary.createTaskOwnedCheckpointStateToolset();
    }

    /** Keeps file merging off: merged files are not written through the streams that are teed. */
    @Override
    public CheckpointStorageWorkerView toFileMergingStorage(
            FileMergingSnapshotManager mergingSnapshotManager, Environment environment) {
        try {
            Faults.infoOnce(
                    "execution.checkpointing.file-merging.enabled has no effect: merged files could"
                            + " not be copied to the secondary. Set it to false.");
        } catch (Throwable ignored) {
            // only a line of the log is lost
        }
        return this;
    }
}
