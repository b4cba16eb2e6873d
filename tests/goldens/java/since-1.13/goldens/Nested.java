// Key groups where a file is expected, which the serializers bear as of 1.13.
package goldens;

import org.apache.flink.runtime.state.StreamStateHandle;

import java.util.Collections;
import java.util.List;

final class Nested implements Feature {
    @Override
    public List<Case> cases() {
        return Collections.singletonList(new Case("nested", root -> states(new Handles(root))));
    }

    private static Snapshot states(Handles make) {
        StreamStateHandle file = make.keyGroups(0, make.absolute("shared/nested", 7));
        return Case.retained(
                Case.operator("nested", new Subtask().operator(make.partitionable(file)).build()));
    }
}
