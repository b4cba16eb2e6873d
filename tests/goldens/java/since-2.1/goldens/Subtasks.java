// Makes and reads Flink's OperatorSubtaskState: from 2.1 on channel states can be merged.
package goldens;

import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.StateObjectCollection;
import org.apache.flink.runtime.checkpoint.channel.InputChannelInfo;
import org.apache.flink.runtime.checkpoint.channel.ResultSubpartitionInfo;
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

    /** Several channels to a file: plain in the first place, all but the first merged behind. */
    static OperatorSubtaskState unaligned(StreamStateHandle inFile, StreamStateHandle outFile) {
        List<InputChannelStateHandle> inputs = inputs(inFile);
        List<InputStateHandle> in = new ArrayList<>(inputs.subList(0, 1));
        in.add(MergedInputChannelStateHandle.fromChannelHandles(inputs.subList(1, inputs.size())));
        List<ResultSubpartitionStateHandle> outputs = outputs(outFile);
        List<OutputStateHandle> out = new ArrayList<>(outputs.subList(0, 1));
        out.add(
                MergedResultSubpartitionStateHandle.fromChannelHandles(
                        outputs.subList(1, outputs.size())));
        return OperatorSubtaskState.builder()
                .setInputChannelState(new StateObjectCollection<>(in))
                .setResultSubpartitionState(new StateObjectCollection<>(out))
                .build();
    }

    /** The files of the channel states. */
    static List<StreamStateHandle> channels(OperatorSubtaskState subtask) {
        List<StreamStateHandle> files = new ArrayList<>();
        subtask.getInputChannelState().forEach(channel -> files.add(file(channel)));
        subtask.getResultSubpartitionState().forEach(channel -> files.add(file(channel)));
        return files;
    }

    private static StreamStateHandle file(StateObject channel) {
        return channel instanceof AbstractMergedChannelStateHandle
                ? ((AbstractMergedChannelStateHandle<?, ?>) channel).getDelegate()
                : ((AbstractChannelStateHandle<?>) channel).getDelegate();
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
