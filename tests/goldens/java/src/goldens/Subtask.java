// The states of one subtask, as they are put into Flink's OperatorSubtaskState. It checks nothing.
package goldens;

import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.KeyedStateHandle;
import org.apache.flink.runtime.state.OperatorStateHandle;

final class Subtask {
    OperatorStateHandle operator;
    OperatorStateHandle rawOperator;
    KeyedStateHandle keyed;
    KeyedStateHandle rawKeyed;

    Subtask operator(OperatorStateHandle state) {
        operator = state;
        return this;
    }

    Subtask rawOperator(OperatorStateHandle state) {
        rawOperator = state;
        return this;
    }

    Subtask keyed(KeyedStateHandle state) {
        keyed = state;
        return this;
    }

    Subtask rawKeyed(KeyedStateHandle state) {
        rawKeyed = state;
        return this;
    }

    OperatorSubtaskState build() {
        return Subtasks.of(this);
    }
}
