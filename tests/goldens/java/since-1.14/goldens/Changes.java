// Makes Flink's handles of a changelog: in 1.14 they have no ids.
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
        return new ChangelogStateHandleStreamImpl(files, groups, 1100);
    }

    static ChangelogStateHandle memory(KeyGroupRange groups) {
        List<StateChange> changes =
                Arrays.asList(
                        new StateChange(-1, new byte[] {1, 2, 3}),
                        new StateChange(5, new byte[] {4}));
        return new InMemoryChangelogStateHandle(
                changes, SequenceNumber.of(1), SequenceNumber.of(3), groups);
    }

    static ChangelogStateBackendHandle backend(
            List<KeyedStateHandle> base, List<ChangelogStateHandle> changes, KeyGroupRange groups) {
        return new ChangelogStateBackendHandleImpl(base, changes, groups);
    }

    private Changes() {}
}
