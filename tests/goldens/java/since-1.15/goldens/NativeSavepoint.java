// Savepoints in the form of the state backend: all files in their own directory.
package goldens;

import org.apache.flink.runtime.state.StreamStateHandle;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

final class NativeSavepoint implements Feature {
    @Override
    public List<Case> cases() {
        return Collections.singletonList(
                new Case("savepoint-native", root -> states(new Handles(root))));
    }

    private static Snapshot states(Handles make) {
        Map<String, StreamStateHandle> shared = new LinkedHashMap<>();
        shared.put("000009.sst", make.own("sst-0", 1000));
        Map<String, StreamStateHandle> own = new LinkedHashMap<>();
        own.put("MANIFEST-4", make.own("manifest-0", 300));
        own.put("CURRENT", make.inline("CURRENT"));
        Subtask subtask =
                new Subtask()
                        .operator(make.partitionable(make.own("op-0", 99)))
                        .keyed(Handles.incremental(0, shared, own, make.own("meta-0", 50)));
        return Case.of(Snapshot.Kind.NATIVE, Case.operator("savepoint", subtask.build()));
    }
}
