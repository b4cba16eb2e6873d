// Makes and reads Flink's handles of keyed state, with the files of increments in lists (1.16 to
// 1.18).
package goldens;

import org.apache.flink.runtime.state.IncrementalKeyedStateHandle.HandleAndLocalPath;
import org.apache.flink.runtime.state.IncrementalRemoteKeyedStateHandle;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyGroupRangeOffsets;
import org.apache.flink.runtime.state.KeyGroupsSavepointStateHandle;
import org.apache.flink.runtime.state.KeyGroupsStateHandle;
import org.apache.flink.runtime.state.KeyedStateHandle;
import org.apache.flink.runtime.state.StateHandleID;
import org.apache.flink.runtime.state.StreamStateHandle;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

final class Keyed {
    static KeyGroupsStateHandle keyGroups(
            KeyGroupRangeOffsets offsets, StreamStateHandle file, StateHandleID id) {
        return KeyGroupsStateHandle.restore(offsets, file, id);
    }

    static KeyedStateHandle savepoint(KeyGroupRangeOffsets offsets, StreamStateHandle file) {
        return new KeyGroupsSavepointStateHandle(offsets, file);
    }

    static KeyedStateHandle incremental(
            UUID backend,
            KeyGroupRange groups,
            long checkpoint,
            Map<String, StreamStateHandle> shared,
            Map<String, StreamStateHandle> own,
            StreamStateHandle description,
            long checkpointedSize,
            StateHandleID id) {
        return IncrementalRemoteKeyedStateHandle.restore(
                backend,
                groups,
                checkpoint,
                named(shared),
                named(own),
                description,
                checkpointedSize,
                id);
    }

    static List<StreamStateHandle> files(IncrementalRemoteKeyedStateHandle incremental) {
        List<StreamStateHandle> files = new ArrayList<>();
        files.add(incremental.getMetaStateHandle());
        incremental.getSharedState().forEach(file -> files.add(file.getHandle()));
        incremental.getPrivateState().forEach(file -> files.add(file.getHandle()));
        return files;
    }

    private static List<HandleAndLocalPath> named(Map<String, StreamStateHandle> files) {
        List<HandleAndLocalPath> named = new ArrayList<>();
        files.forEach((name, file) -> named.add(HandleAndLocalPath.of(file, name)));
        return named;
    }

    private Keyed() {}
}
