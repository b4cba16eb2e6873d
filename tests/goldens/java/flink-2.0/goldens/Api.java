// What the generator needs of Flink 2.0: operators have names, channel states are plain.
// The versions differ in types and constructors alone; what is generated is decided elsewhere.
package goldens;

import org.apache.flink.runtime.checkpoint.FullyFinishedOperatorState;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.StateObjectCollection;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.runtime.state.AbstractChannelStateHandle;
import org.apache.flink.runtime.state.InputChannelStateHandle;
import org.apache.flink.runtime.state.ResultSubpartitionStateHandle;
import org.apache.flink.runtime.state.StateObject;
import org.apache.flink.runtime.state.StreamStateHandle;

import java.util.List;

final class Api {
    static OperatorState operator(String name, String uid, OperatorID id, int parallelism) {
        return new OperatorState(emptyToNull(name), emptyToNull(uid), id, parallelism, 128);
    }

    static OperatorState finished(String name, String uid, OperatorID id, int parallelism) {
        return new FullyFinishedOperatorState(
                emptyToNull(name), emptyToNull(uid), id, parallelism, 128);
    }

    static String name(OperatorState operator) {
        return operator.getOperatorName().orElse("");
    }

    static String uid(OperatorState operator) {
        return operator.getOperatorUid().orElse("");
    }

    static StreamStateHandle delegate(StateObject channel) {
        return ((AbstractChannelStateHandle<?>) channel).getDelegate();
    }

    static void setChannels(
            OperatorSubtaskState.Builder subtask,
            List<InputChannelStateHandle> inputs,
            List<ResultSubpartitionStateHandle> outputs) {
        subtask.setInputChannelState(new StateObjectCollection<>(inputs));
        subtask.setResultSubpartitionState(new StateObjectCollection<>(outputs));
    }

    private static String emptyToNull(String text) {
        return text.isEmpty() ? null : text;
    }

    private Api() {}
}
