// The changelog of a state backend: changes in files and inline, on top of other state.
package goldens;

import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.StateObject;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.changelog.ChangelogStateBackendHandle;
import org.apache.flink.runtime.state.changelog.ChangelogStateHandleStreamImpl;
import org.apache.flink.runtime.state.changelog.inmemory.InMemoryChangelogStateHandle;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;

final class Changelog implements Feature {
    @Override
    public List<Case> cases() {
        return Collections.singletonList(new Case("changelog", root -> states(new Handles(root))));
    }

    private static Snapshot states(Handles make) {
        KeyGroupRange groups = KeyGroupRange.of(0, 63);
        List<Tuple2<StreamStateHandle, Long>> files =
                Arrays.asList(
                        Tuple2.of(make.absolute("dstl/one", 500), 0L),
                        Tuple2.of(make.absolute("dstl/one", 500), 250L),
                        Tuple2.of(make.absolute("dstl/two", 600), 17L));
        ChangelogStateBackendHandle changelog =
                Changes.backend(
                        Arrays.asList(
                                make.incremental(0, 4), make.keyGroups(0, make.own("base", 9))),
                        Arrays.asList(Changes.files(files, groups), Changes.memory(groups)),
                        groups);
        return Case.retained(
                Case.operator("changelog", new Subtask().keyed(changelog).build()));
    }

    @Override
    public boolean list(StateObject handle, Listing listing) {
        if (handle instanceof ChangelogStateBackendHandle) {
            ChangelogStateBackendHandle changelog = (ChangelogStateBackendHandle) handle;
            changelog.getMaterializedStateHandles().forEach(listing::visit);
            changelog.getNonMaterializedStateHandles().forEach(listing::visit);
            return true;
        }
        if (handle instanceof ChangelogStateHandleStreamImpl) {
            // What was written, without the flag before it and before any compression.
            ((ChangelogStateHandleStreamImpl) handle)
                    .getHandlesAndOffsets()
                    .forEach(file -> listing.visitOfOtherLength(file.f0));
            return true;
        }
        return handle instanceof InMemoryChangelogStateHandle;
    }
}
