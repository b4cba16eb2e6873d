// Writes the small _metadata that docs/metadata-format.md takes apart byte by byte, with Flink's
// own serializers, and loads it with Flink's own loader. The states in it are made up, and no file
// that it names exists. It writes the same bytes with Flink 2.1, 2.2 and 2.3:
//
//     java -cp "$CLASSPATH" tests/goldens/page/Page.java tests/goldens/page
//
// with flink-runtime and what it needs on the class path.
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.checkpoint.CheckpointProperties;
import org.apache.flink.runtime.checkpoint.CheckpointRetentionPolicy;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.FinishedOperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.FullyFinishedOperatorState;
import org.apache.flink.runtime.checkpoint.MasterState;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.StateObjectCollection;
import org.apache.flink.runtime.checkpoint.channel.InputChannelInfo;
import org.apache.flink.runtime.checkpoint.channel.ResultSubpartitionInfo;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.runtime.state.IncrementalKeyedStateHandle.HandleAndLocalPath;
import org.apache.flink.runtime.state.IncrementalRemoteKeyedStateHandle;
import org.apache.flink.runtime.state.InputChannelStateHandle;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyGroupRangeOffsets;
import org.apache.flink.runtime.state.KeyGroupsStateHandle;
import org.apache.flink.runtime.state.KeyedStateHandle;
import org.apache.flink.runtime.state.MergedInputChannelStateHandle;
import org.apache.flink.runtime.state.MergedResultSubpartitionStateHandle;
import org.apache.flink.runtime.state.OperatorStateHandle;
import org.apache.flink.runtime.state.OperatorStreamStateHandle;
import org.apache.flink.runtime.state.ResultSubpartitionStateHandle;
import org.apache.flink.runtime.state.StateHandleID;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;
import org.apache.flink.runtime.state.filesystem.RelativeFileStateHandle;
import org.apache.flink.runtime.state.memory.ByteStreamStateHandle;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.UUID;

final class Page {
    private static final String JOB = "hdfs://nn1/cp/8e60dc0e1a2f4b7c9d3a5f6071829304/";

    public static void main(String[] args) throws Exception {
        CheckpointMetadata metadata =
                new CheckpointMetadata(
                        7,
                        Arrays.asList(source(), count(), sink()),
                        Collections.singletonList(new MasterState("hook", bytes("state"), 1)),
                        CheckpointProperties.forCheckpoint(
                                CheckpointRetentionPolicy.RETAIN_ON_CANCELLATION));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Checkpoints.storeCheckpointMetadata(metadata, out);
        java.nio.file.Path file = java.nio.file.Path.of(args[0], "chk-7.metadata");
        Files.write(file, out.toByteArray());

        // A relative path is resolved by way of the file, so it must be there to be loaded.
        CheckpointMetadata loaded =
                Checkpoints.loadCheckpointMetadata(
                        new DataInputStream(new ByteArrayInputStream(out.toByteArray())),
                        Page.class.getClassLoader(),
                        file.toUri().toString());
        if (loaded.getOperatorStates().size() != 3) {
            throw new IllegalStateException("not what was written: " + loaded);
        }
    }

    /** A coordinator, a subtask that has finished, and one with a split and data in flight. */
    private static OperatorState source() {
        OperatorID id = new OperatorID(0x11L, 0x12L);
        OperatorState operator = new OperatorState("source", "numbers", id, 2, 128);
        operator.setCoordinatorState(new ByteStreamStateHandle(id.toString(), bytes("left")));
        operator.putState(0, FinishedOperatorSubtaskState.INSTANCE);
        OperatorStateHandle splits =
                new OperatorStreamStateHandle(
                        Collections.singletonMap(
                                "splits",
                                new OperatorStateHandle.StateMetaInfo(
                                        new long[] {6}, OperatorStateHandle.Mode.SPLIT_DISTRIBUTE)),
                        new ByteStreamStateHandle(
                                JOB + "chk-7/" + uuid("splits"), bytes("inline")));
        StreamStateHandle written =
                new ByteStreamStateHandle(
                        uuid("output").toString(), bytes("\0\0\0\0\0\0\0\4data"));
        ResultSubpartitionStateHandle output =
                new ResultSubpartitionStateHandle(
                        1,
                        new ResultSubpartitionInfo(0, 0),
                        written,
                        Collections.singletonList(4L),
                        12);
        operator.putState(
                1,
                OperatorSubtaskState.builder()
                        .setManagedOperatorState(splits)
                        .setResultSubpartitionState(
                                StateObjectCollection.singleton(
                                        MergedResultSubpartitionStateHandle.fromChannelHandles(
                                                Collections.singletonList(output))))
                        .build());
        return operator;
    }

    /** RocksDB's increment, timers, and data in flight of two channels in one file. */
    private static OperatorState count() {
        KeyedStateHandle increment =
                IncrementalRemoteKeyedStateHandle.restore(
                        uuid("backend"),
                        KeyGroupRange.of(0, 1),
                        7,
                        Collections.singletonList(
                                HandleAndLocalPath.of(shared("sst", 70_000), "000012.sst")),
                        Arrays.asList(
                                HandleAndLocalPath.of(shared("manifest", 30_000), "MANIFEST-5"),
                                HandleAndLocalPath.of(inline("current"), "CURRENT")),
                        own("description", 22_000),
                        122_000,
                        new StateHandleID(uuid("increment").toString()));
        KeyGroupRangeOffsets offsets = new KeyGroupRangeOffsets(0, 1, new long[] {21, 34});
        KeyedStateHandle timers =
                KeyGroupsStateHandle.restore(
                        offsets,
                        own("timers", -1),
                        new StateHandleID(uuid("timers' id").toString()));
        StreamStateHandle file = own("channels", 50_000);
        List<InputChannelStateHandle> inputs =
                Arrays.asList(input(0, file, 4, 20_000), input(1, file, 20_004, 29_996));
        OperatorID id = new OperatorID(0x21L, 0x22L);
        OperatorState operator = new OperatorState("count", null, id, 1, 2);
        operator.putState(
                0,
                OperatorSubtaskState.builder()
                        .setManagedKeyedState(increment)
                        .setRawKeyedState(timers)
                        .setInputChannelState(
                                StateObjectCollection.singleton(
                                        MergedInputChannelStateHandle.fromChannelHandles(inputs)))
                        .build());
        return operator;
    }

    private static InputChannelStateHandle input(
            int channel, StreamStateHandle file, long offset, long size) {
        return new InputChannelStateHandle(
                0,
                new InputChannelInfo(0, channel),
                file,
                Collections.singletonList(offset),
                size);
    }

    private static OperatorState sink() {
        return new FullyFinishedOperatorState(null, null, new OperatorID(0x31L, 0x32L), 1, 128);
    }

    private static StreamStateHandle shared(String name, long size) {
        return new FileStateHandle(new Path(JOB + "shared/" + uuid(name)), size);
    }

    private static StreamStateHandle own(String name, long size) {
        String file = uuid(name).toString();
        return new RelativeFileStateHandle(new Path(JOB + "chk-7/" + file), file, size);
    }

    private static StreamStateHandle inline(String name) {
        return new ByteStreamStateHandle(JOB + "shared/" + uuid(name), bytes("MANIFEST-5\n"));
    }

    private static UUID uuid(String of) {
        return UUID.nameUUIDFromBytes(bytes(of));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private Page() {}
}
