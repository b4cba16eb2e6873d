// What the generator needs of Flink 2.1 to 2.3: operators have names, channel states can be merged.
// The versions differ in types and constructors alone; what is generated is decided elsewhere.
package goldens;

import org.apache.flink.runtime.checkpoint.FullyFinishedOperatorState;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.StateObjectCollection;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.runtime.state.AbstractChannelStateHandle;
import org.apache.flink.runtime.state.AbstractMergedChannelStateHandle;
import org.apache.flink.runtime.state.InputChannelStateHandle;
import org.apache.flink.runtime.state.InputStateHandle;
import org.apache.flink.runtime.state.MergedInputChannelStateHandle;
import org.apache.flink.runtime.state.MergedResultSubpartitionStateHandle;
import org.apache.flink.runtime.state.OutputStateHandle;
import org.apache.flink.runtime.state.ResultSubpartitionStateHandle;
import org.apache.flink.runtime.state.StateObject;
import org.apache.flink.runtime.state.StreamStateHandle;

import java.util.ArrayList;
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
        return channel instanceof AbstractMergedChannelStateHandle
                ? ((AbstractMergedChannelStateHandle<?, ?>) channel).getDelegate()
                : ((AbstractChannelStateHandle<?>) channel).getDelegate();
    }

    /** The same channel states, plain in the first place, all but the first merged behind. */
    static void setChannels(
            OperatorSubtaskState.Builder subtask,
            List<InputChannelStateHandle> inputs,
            List<ResultSubpartitionStateHandle> outputs) {
        List<InputStateHandle> in = new ArrayList<>(inputs.subList(0, 1));
        in.add(MergedInputChannelStateHandle.fromChannelHandles(inputs.subList(1, inputs.size())));
        List<OutputStateHandle> out = new ArrayList<>(outputs.subList(0, 1));
        out.add(
                MergedResultSubpartitionStateHandle.fromChannelHandles(
                        outputs.subList(1, outputs.size())));
        subtask.setInputChannelState(new StateObjectCollection<>(in));
        subtask.setResultSubpartitionState(new StateObjectCollection<>(out));
    }

    private static String emptyToNull(String text) {
        return text.isEmpty() ? null : text;
    }

    private Api() {}
}
