package io.dualwrite.flink;

import java.io.IOException;
import java.util.Collection;
import java.util.List;
import org.apache.flink.runtime.state.CheckpointMetadataOutputStream;
import org.apache.flink.runtime.state.CheckpointStateOutputStream;
import org.apache.flink.runtime.state.CheckpointStorageLocation;
import org.apache.flink.runtime.state.CheckpointStorageLocationReference;
import org.apache.flink.runtime.state.CheckpointedStateScope;
import org.apache.flink.runtime.state.StreamStateHandle;

/**
 * The location of one checkpoint on the JobManager: Flink's own, but its metadata stream keeps the
 * bytes to offer them. Tees no state: on the JobManager nobody asks a location for a state stream.
 */
final class DualWriteCheckpointStorageLocation implements CheckpointStorageLocation {

    private final CheckpointStorageLocation primary;
    private final MetadataOffer offer;

    DualWriteCheckpointStorageLocation(CheckpointStorageLocation primary, MetadataOffer offer) {
        this.primary = primary;
        this.offer = offer;
    }

    @Override
    public CheckpointMetadataOutputStream createMetadataOutputStream() throws IOException {
        final CheckpointMetadataOutputStream stream = primary.createMetadataOutputStream();
        try {
            return new DualWriteMetadataOutputStream(stream, offer);
        } catch (Throwable t) {
            Faults.report("Wrapping the metadata stream of a checkpoint", t);
            return stream;
        }
    }

    @Override
    public void disposeOnFailure() throws IOException {
        primary.disposeOnFailure();
    }

    @Override
    public CheckpointStorageLocationReference getLocationReference() {
        return primary.getLocationReference();
    }

    @Override
    public CheckpointStateOutputStream createCheckpointStateOutputStream(
            CheckpointedStateScope scope) throws IOException {
        return primary.createCheckpointStateOutputStream(scope);
    }

    @Override
    public boolean canFastDuplicate(StreamStateHandle stateHandle, CheckpointedStateScope scope)
            throws IOException {
        return primary.canFastDuplicate(stateHandle, scope);
    }

    @Override
    public List<StreamStateHandle> duplicate(
            List<StreamStateHandle> stateHandles, CheckpointedStateScope scope) throws IOException {
        return primary.duplicate(stateHandles, scope);
    }

    @Override
    public void reusePreviousStateHandle(Collection<? extends StreamStateHandle> previousHandle) {
        primary.reusePreviousStateHandle(previousHandle);
    }

    @Override
    public boolean couldReuseStateHandle(StreamStateHandle stateHandle) {
        return primary.couldReuseStateHandle(stateHandle);
    }
}
