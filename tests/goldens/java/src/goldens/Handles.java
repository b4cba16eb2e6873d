// Makes Flink's state handles with paths under one cluster's root, always with the same ids: two
// clusters' handles differ in their paths alone. It touches no file.
package goldens;

import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.checkpoint.channel.InputChannelInfo;
import org.apache.flink.runtime.checkpoint.channel.ResultSubpartitionInfo;
import org.apache.flink.runtime.checkpoint.filemerging.LogicalFile.LogicalFileId;
import org.apache.flink.runtime.state.CheckpointedStateScope;
import org.apache.flink.runtime.state.IncrementalKeyedStateHandle.HandleAndLocalPath;
import org.apache.flink.runtime.state.IncrementalRemoteKeyedStateHandle;
import org.apache.flink.runtime.state.InputChannelStateHandle;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyGroupRangeOffsets;
import org.apache.flink.runtime.state.KeyGroupsSavepointStateHandle;
import org.apache.flink.runtime.state.KeyGroupsStateHandle;
import org.apache.flink.runtime.state.KeyedStateHandle;
import org.apache.flink.runtime.state.OperatorStateHandle;
import org.apache.flink.runtime.state.OperatorStreamStateHandle;
import org.apache.flink.runtime.state.ResultSubpartitionStateHandle;
import org.apache.flink.runtime.state.StateHandleID;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.changelog.ChangelogStateBackendHandle;
import org.apache.flink.runtime.state.changelog.ChangelogStateHandle;
import org.apache.flink.runtime.state.changelog.ChangelogStateHandleStreamImpl;
import org.apache.flink.runtime.state.changelog.SequenceNumber;
import org.apache.flink.runtime.state.changelog.StateChange;
import org.apache.flink.runtime.state.changelog.inmemory.InMemoryChangelogStateHandle;
import org.apache.flink.runtime.state.filemerging.DirectoryStreamStateHandle;
import org.apache.flink.runtime.state.filemerging.EmptyFileMergingOperatorStreamStateHandle;
import org.apache.flink.runtime.state.filemerging.FileMergingOperatorStreamStateHandle;
import org.apache.flink.runtime.state.filemerging.SegmentFileStateHandle;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;
import org.apache.flink.runtime.state.filesystem.RelativeFileStateHandle;
import org.apache.flink.runtime.state.memory.ByteStreamStateHandle;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

final class Handles {
    private static final String JOB = "a1b2c3d4e5f60718293a4b5c6d7e8f90";

    private final String directory;

    Handles(String root) {
        this.directory = root + "/" + JOB + "/";
    }

    StreamStateHandle absolute(String path, long size) {
        return new FileStateHandle(new Path(directory + path), size);
    }

    StreamStateHandle relative(String name, long size) {
        return new RelativeFileStateHandle(new Path(directory + "chk-42/" + name), name, size);
    }

    SegmentFileStateHandle segment(String path, long start, long size) {
        return new SegmentFileStateHandle(
                new Path(directory + path),
                start,
                size,
                CheckpointedStateScope.SHARED,
                new LogicalFileId(id("logical " + path + start).getKeyString()));
    }

    /** The name is a path of the primary that was never made. */
    ByteStreamStateHandle inline(String name) {
        return new ByteStreamStateHandle(
                Generate.PRIMARY + "/" + JOB + "/chk-42/" + name,
                ("bytes of " + name).getBytes(StandardCharsets.UTF_8));
    }

    OperatorStateHandle partitionable(StreamStateHandle stream) {
        return new OperatorStreamStateHandle(offsets(), stream);
    }

    OperatorStateHandle mergedOperator(StreamStateHandle stream) {
        return new FileMergingOperatorStreamStateHandle(
                directory("taskowned/tm-1"), directory("shared/job-1"), offsets(), stream);
    }

    OperatorStateHandle emptyMergedOperator() {
        return EmptyFileMergingOperatorStreamStateHandle.create(
                directory("taskowned/tm-1"), directory("shared/job-1"));
    }

    KeyGroupsStateHandle keyGroups(int first, StreamStateHandle stream) {
        return KeyGroupsStateHandle.restore(keyGroupOffsets(first), stream, id("keyed " + first));
    }

    KeyedStateHandle savepoint(StreamStateHandle stream) {
        return new KeyGroupsSavepointStateHandle(keyGroupOffsets(0), stream);
    }

    StreamStateHandle streamOfKeyGroups(StreamStateHandle stream) {
        return keyGroups(0, stream);
    }

    /** As RocksDB's: large files shared, small ones inline, the description relative. */
    IncrementalRemoteKeyedStateHandle incremental(int first, int files) {
        List<HandleAndLocalPath> shared = new ArrayList<>();
        for (int i = 0; i < files; i++) {
            String name = String.format("%06d.sst", first + i);
            StreamStateHandle file = absolute("shared/" + uuid(name), 67_108_864L - i);
            shared.add(HandleAndLocalPath.of(i % 5 == 4 ? inline(name) : file, name));
        }
        List<HandleAndLocalPath> own = new ArrayList<>();
        StreamStateHandle manifest = absolute("shared/" + uuid("MANIFEST"), 30_000);
        own.add(HandleAndLocalPath.of(manifest, "MANIFEST-4"));
        own.add(HandleAndLocalPath.of(inline("CURRENT"), "CURRENT"));
        own.add(HandleAndLocalPath.of(relative("OPTIONS" + first, 25_000), "OPTIONS-7"));
        return IncrementalRemoteKeyedStateHandle.restore(
                uuid("backend " + first),
                KeyGroupRange.of(first, first + 63),
                42,
                shared,
                own,
                relative("meta-" + first, 22_000),
                1_000_000,
                id("incremental " + first));
    }

    KeyedStateHandle changelog() {
        KeyGroupRange range = KeyGroupRange.of(0, 63);
        List<ChangelogStateHandle> changes =
                Arrays.asList(
                        ChangelogStateHandleStreamImpl.restore(
                                Arrays.asList(
                                        Tuple2.of(absolute("dstl/one", 500), 0L),
                                        Tuple2.of(absolute("dstl/one", 500), 250L),
                                        Tuple2.of(absolute("dstl/two", 600), 17L)),
                                range,
                                1100,
                                600,
                                "filesystem",
                                id("changes")),
                        InMemoryChangelogStateHandle.restore(
                                Arrays.asList(
                                        StateChange.ofMetadataChange(new byte[] {1, 2, 3}),
                                        StateChange.ofDataChange(5, new byte[] {4})),
                                SequenceNumber.of(1),
                                SequenceNumber.of(3),
                                range,
                                id("memory")));
        return ChangelogStateBackendHandle.ChangelogStateBackendHandleImpl.restore(
                Arrays.asList(incremental(0, 4), keyGroups(0, relative("base", 9))),
                changes,
                range,
                42,
                3,
                1600,
                id("changelog"));
    }

    List<InputChannelStateHandle> inputs(StreamStateHandle file) {
        List<InputChannelStateHandle> inputs = new ArrayList<>();
        for (int channel = 0; channel < 4; channel++) {
            List<Long> offsets = Arrays.asList(10L * channel, 10L * channel + 5);
            InputChannelInfo info = new InputChannelInfo(1, channel);
            inputs.add(new InputChannelStateHandle(0, info, file, offsets, 100));
        }
        return inputs;
    }

    List<ResultSubpartitionStateHandle> outputs(StreamStateHandle file) {
        List<ResultSubpartitionStateHandle> outputs = new ArrayList<>();
        for (int partition = 0; partition < 3; partition++) {
            List<Long> offsets = Arrays.asList(20L * partition);
            ResultSubpartitionInfo info = new ResultSubpartitionInfo(0, partition);
            outputs.add(new ResultSubpartitionStateHandle(0, info, file, offsets, 200));
        }
        return outputs;
    }

    private DirectoryStreamStateHandle directory(String path) {
        return DirectoryStreamStateHandle.of(new Path(directory + path));
    }

    private static KeyGroupRangeOffsets keyGroupOffsets(int first) {
        KeyGroupRangeOffsets offsets = new KeyGroupRangeOffsets(first, first + 63);
        for (int group = first; group < first + 64; group++) {
            offsets.setKeyGroupOffset(group, 1000L * group);
        }
        return offsets;
    }

    private static Map<String, OperatorStateHandle.StateMetaInfo> offsets() {
        Map<String, OperatorStateHandle.StateMetaInfo> offsets = new TreeMap<>();
        for (OperatorStateHandle.Mode mode : OperatorStateHandle.Mode.values()) {
            long[] places = {0, 10, 20};
            offsets.put("state " + mode, new OperatorStateHandle.StateMetaInfo(places, mode));
        }
        offsets.put(
                "\u00fcnion",
                new OperatorStateHandle.StateMetaInfo(
                        new long[0], OperatorStateHandle.Mode.UNION));
        return offsets;
    }

    private static StateHandleID id(String of) {
        return new StateHandleID(uuid(of).toString());
    }

    private static UUID uuid(String of) {
        return UUID.nameUUIDFromBytes(of.getBytes(StandardCharsets.UTF_8));
    }
}
