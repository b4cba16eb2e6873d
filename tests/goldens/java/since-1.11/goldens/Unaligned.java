// Unaligned checkpoints: states of channels. What is in the channels is not here.
package goldens;

import java.util.Collections;
import java.util.List;

final class Unaligned implements Feature {
    @Override
    public List<Case> cases() {
        return Collections.singletonList(new Case("unaligned", root -> states(new Handles(root))));
    }

    private static Snapshot states(Handles make) {
        return Case.retained(
                Case.operator(
                        "unaligned",
                        Subtasks.unaligned(
                                make.absolute("chk-42/channels-in", 5000),
                                make.own("channels-out", 6000)),
                        new Subtask().build()));
    }
}
