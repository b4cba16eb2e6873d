// Makes and reads Flink's handles of keyed state. Up to 1.12, savepoints have none of their own.
package goldens;

import org.apache.flink.runtime.state.IncrementalRemoteKeyedStateHandle;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyGroupRangeOffsets;
import org.apache.flink.runtime.state.KeyGroupsStateHandle;
import org.apache.flink.runtime.state.KeyedStateHandle;
import org.apache.flink.runtime.state.StateHandleID;
import org.apache.flink.runtime.state.StreamStateHandle;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

final class Keyed {
    static KeyGroupsStateHandle keyGroups(
            KeyGroupRangeOffsets offsets, StreamStateHandle file, StateHandleID id) {
        return new KeyGroupsStateHandle(offsets, file);
    }

    static KeyedStateHandle savepoint(KeyGroupRangeOffsets offsets, StreamStateHandle file) {
        return new KeyGroupsStateHandle(offsets, file);
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
        return new IncrementalRemoteKeyedStateHandle(
                backend, groups, checkpoint, named(shared), named(own), description);
    }

    static List<StreamStateHandle> files(IncrementalRemoteKeyedStateHandle incremental) {
        List<StreamStateHandle> files = new ArrayList<>();
        files.add(incremental.getMetaStateHandle());
        files.addAll(incremental.getSharedState().values());
        files.addAll(incremental.getPrivateState().values());
        return files;
    }

    private static Map<StateHandleID, StreamStateHandle> named(
            Map<String, StreamStateHandle> files) {
        Map<StateHandleID, StreamStateHandle> named = new LinkedHashMap<>();
        files.forEach((name, file) -> named.put(new StateHandleID(name), file));
        return named;
    }

    private Keyed() {}
}
