package io.dualwrite.flink;

import java.io.IOException;
import java.util.Collection;
import java.util.List;
import org.apache.flink.runtime.state.CheckpointStateOutputStream;
import org.apache.flink.runtime.state.CheckpointStreamFactory;
import org.apache.flink.runtime.state.CheckpointedStateScope;
import org.apache.flink.runtime.state.StreamStateHandle;

/**
 * The streams of one checkpoint on a TaskManager: Flink's own, teed. Used by many threads at once.
 * Refuses duplication on the primary, so that no state comes into being that was not written
 * through a stream.
 */
final class DualWriteStreamFactory implements CheckpointStreamFactory {

    private final CheckpointStreamFactory primary;
    private final Native bridge;
    private final long job;
    private final long checkpointId;

    DualWriteStreamFactory(
            CheckpointStreamFactory primary, Native bridge, long job, long checkpointId) {
        this.primary = primary;
        this.bridge = bridge;
        this.job = job;
        this.checkpointId = checkpointId;
    }

    @Override
    public CheckpointStateOutputStream createCheckpointStateOutputStream(
            CheckpointedStateScope scope) throws IOException {
        final CheckpointStateOutputStream stream = primary.createCheckpointStateOutputStream(scope);
        try {
            final int code =
                    scope == CheckpointedStateScope.SHARED
                            ? Native.SCOPE_SHARED
                            : Native.SCOPE_EXCLUSIVE;
            return new TeeOutputStream(stream, new TeeSession(bridge, job, code, checkpointId));
        } catch (Throwable t) {
            Faults.report("Wrapping a stream of a checkpoint", t);
            return stream;
        }
    }

    /** Always false: Flink then writes through a stream. */
    @Override
    public boolean canFastDuplicate(StreamStateHandle stateHandle, CheckpointedStateScope scope) {
        return false;
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
