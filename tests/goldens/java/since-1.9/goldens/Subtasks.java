// Makes and reads Flink's OperatorSubtaskState: up to 1.10 there are no channel states.
package goldens;

import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.StreamStateHandle;

import java.util.Collections;
import java.util.List;

final class Subtasks {
    static OperatorSubtaskState of(Subtask states) {
        return new OperatorSubtaskState(
                states.operator, states.rawOperator, states.keyed, states.rawKeyed);
    }

    /** The files of the channel states. */
    static List<StreamStateHandle> channels(OperatorSubtaskState subtask) {
        return Collections.emptyList();
    }

    private Subtasks() {}
}
