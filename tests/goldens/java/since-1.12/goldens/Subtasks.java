// Makes and reads Flink's OperatorSubtaskState: from 1.12 on channel states name their subtask.
package goldens;

import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.StateObjectCollection;
import org.apache.flink.runtime.checkpoint.channel.InputChannelInfo;
import org.apache.flink.runtime.checkpoint.channel.ResultSubpartitionInfo;
import org.apache.flink.runtime.state.InputChannelStateHandle;
import org.apache.flink.runtime.state.ResultSubpartitionStateHandle;
import org.apache.flink.runtime.state.StreamStateHandle;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

final class Subtasks {
    static OperatorSubtaskState of(Subtask states) {
        OperatorSubtaskState.Builder builder = OperatorSubtaskState.builder();
        if (states.operator != null) {
            builder.setManagedOperatorState(states.operator);
        }
        if (states.rawOperator != null) {
            builder.setRawOperatorState(states.rawOperator);
        }
        if (states.keyed != null) {
            builder.setManagedKeyedState(states.keyed);
        }
        if (states.rawKeyed != null) {
            builder.setRawKeyedState(states.rawKeyed);
        }
        return builder.build();
    }

    /** Several channels to a file, one file for each direction. */
    static OperatorSubtaskState unaligned(StreamStateHandle in, StreamStateHandle out) {
        return OperatorSubtaskState.builder()
                .setInputChannelState(new StateObjectCollection<>(inputs(in)))
                .setResultSubpartitionState(new StateObjectCollection<>(outputs(out)))
                .build();
    }

    /** The files of the channel states. */
    static List<StreamStateHandle> channels(OperatorSubtaskState subtask) {
        List<StreamStateHandle> files = new ArrayList<>();
        subtask.getInputChannelState().forEach(channel -> files.add(channel.getDelegate()));
        subtask.getResultSubpartitionState().forEach(channel -> files.add(channel.getDelegate()));
        return files;
    }

    private static List<InputChannelStateHandle> inputs(StreamStateHandle file) {
        List<InputChannelStateHandle> inputs = new ArrayList<>();
        for (int channel = 0; channel < 4; channel++) {
            List<Long> offsets = Arrays.asList(10L * channel, 10L * channel + 5);
            InputChannelInfo info = new InputChannelInfo(1, channel);
            inputs.add(new InputChannelStateHandle(0, info, file, offsets, 100));
        }
        return inputs;
    }

    private static List<ResultSubpartitionStateHandle> outputs(StreamStateHandle file) {
        List<ResultSubpartitionStateHandle> outputs = new ArrayList<>();
        for (int partition = 0; partition < 3; partition++) {
            List<Long> offsets = Arrays.asList(20L * partition);
            ResultSubpartitionInfo info = new ResultSubpartitionInfo(0, partition);
            outputs.add(new ResultSubpartitionStateHandle(0, info, file, offsets, 200));
        }
        return outputs;
    }

    private Subtasks() {}
}
