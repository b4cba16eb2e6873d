// Makes Flink's handles of a changelog. From 1.17 on, changes of data and of metadata are two.
package goldens;

import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyedStateHandle;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.changelog.ChangelogStateBackendHandle;
import org.apache.flink.runtime.state.changelog.ChangelogStateBackendHandle.ChangelogStateBackendHandleImpl;
import org.apache.flink.runtime.state.changelog.ChangelogStateHandle;
import org.apache.flink.runtime.state.changelog.ChangelogStateHandleStreamImpl;
import org.apache.flink.runtime.state.changelog.SequenceNumber;
import org.apache.flink.runtime.state.changelog.StateChange;
import org.apache.flink.runtime.state.changelog.inmemory.InMemoryChangelogStateHandle;

import java.util.Arrays;
import java.util.List;

final class Changes {
    static ChangelogStateHandle files(
            List<Tuple2<StreamStateHandle, Long>> files, KeyGroupRange groups) {
        return ChangelogStateHandleStreamImpl.restore(
                files, groups, 1100, 600, "filesystem", Handles.id("changes"));
    }

    static ChangelogStateHandle memory(KeyGroupRange groups) {
        List<StateChange> changes =
                Arrays.asList(
                        StateChange.ofMetadataChange(new byte[] {1, 2, 3}),
                        StateChange.ofDataChange(5, new byte[] {4}));
        return InMemoryChangelogStateHandle.restore(
                changes,
                SequenceNumber.of(1),
                SequenceNumber.of(3),
                groups,
                Handles.id("memory"));
    }

    static ChangelogStateBackendHandle backend(
            List<KeyedStateHandle> base, List<ChangelogStateHandle> changes, KeyGroupRange groups) {
        return ChangelogStateBackendHandleImpl.restore(
                base, changes, groups, 42, 3, 1600, Handles.id("changelog"));
    }

    private Changes() {}
}
