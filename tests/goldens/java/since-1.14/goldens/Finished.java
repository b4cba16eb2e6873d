// Operators and subtasks that have finished. They have no state.
package goldens;

import org.apache.flink.runtime.checkpoint.FinishedOperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;

import java.util.Collections;
import java.util.List;

final class Finished implements Feature {
    @Override
    public List<Case> cases() {
        return Collections.singletonList(new Case("finished", root -> states(new Handles(root))));
    }

    private static Snapshot states(Handles make) {
        OperatorSubtaskState running =
                new Subtask().operator(make.partitionable(make.absolute("shared/p", 5))).build();
        OperatorState partly =
                Case.operator(
                        "partly",
                        FinishedOperatorSubtaskState.INSTANCE,
                        running,
                        FinishedOperatorSubtaskState.INSTANCE);
        OperatorState fully = Operators.finished("fully", "", Case.id("fully"), 4);
        OperatorState stateless = Operators.of("", "", Case.id("stateless"), 2);
        return Case.retained(partly, fully, stateless);
    }
}
