// Makes Flink's state handles with paths under one cluster's root, always with the same ids: two
// clusters' handles differ in their paths alone. It touches no file.
package goldens;

import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyGroupRangeOffsets;
import org.apache.flink.runtime.state.KeyGroupsStateHandle;
import org.apache.flink.runtime.state.KeyedStateHandle;
import org.apache.flink.runtime.state.OperatorStateHandle;
import org.apache.flink.runtime.state.OperatorStreamStateHandle;
import org.apache.flink.runtime.state.StateHandleID;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;
import org.apache.flink.runtime.state.memory.ByteStreamStateHandle;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

final class Handles {
    static final String PRIMARY = "hdfs://primary:8020/flink/checkpoints";
    static final String SECONDARY = "hdfs://the-other-cluster/mirror/of/primary";

    private static final String JOB = "a1b2c3d4e5f60718293a4b5c6d7e8f90";

    private final String directory;

    Handles(String root) {
        this.directory = root + "/" + JOB + "/";
    }

    Path path(String path) {
        return new Path(directory + path);
    }

    StreamStateHandle absolute(String path, long size) {
        return new FileStateHandle(path(path), size);
    }

    /** A file in the checkpoint's own directory. */
    StreamStateHandle own(String name, long size) {
        return OwnFiles.of(path("chk-42/" + name), name, size);
    }

    /** The name is a path of the primary that was never made. */
    ByteStreamStateHandle inline(String name) {
        return new ByteStreamStateHandle(
                PRIMARY + "/" + JOB + "/chk-42/" + name,
                ("bytes of " + name).getBytes(StandardCharsets.UTF_8));
    }

    OperatorStateHandle partitionable(StreamStateHandle stream) {
        return new OperatorStreamStateHandle(offsets(), stream);
    }

    KeyGroupsStateHandle keyGroups(int first, StreamStateHandle stream) {
        return Keyed.keyGroups(keyGroupOffsets(first), stream, id("keyed " + first));
    }

    KeyedStateHandle savepoint(StreamStateHandle stream) {
        return Keyed.savepoint(keyGroupOffsets(0), stream);
    }

    /** As RocksDB's: large files shared, small ones inline, the description its own. */
    KeyedStateHandle incremental(int first, int files) {
        Map<String, StreamStateHandle> shared = new LinkedHashMap<>();
        for (int i = 0; i < files; i++) {
            String name = String.format("%06d.sst", first + i);
            StreamStateHandle file = absolute("shared/" + uuid(name), 67_108_864L - i);
            shared.put(name, i % 5 == 4 ? inline(name) : file);
        }
        Map<String, StreamStateHandle> own = new LinkedHashMap<>();
        own.put("MANIFEST-4", absolute("shared/" + uuid("MANIFEST"), 30_000));
        own.put("CURRENT", inline("CURRENT"));
        own.put("OPTIONS-7", own("OPTIONS" + first, 25_000));
        return incremental(first, shared, own, own("meta-" + first, 22_000));
    }

    static KeyedStateHandle incremental(
            int first,
            Map<String, StreamStateHandle> shared,
            Map<String, StreamStateHandle> own,
            StreamStateHandle description) {
        return Keyed.incremental(
                uuid("backend " + first),
                KeyGroupRange.of(first, first + 63),
                42,
                shared,
                own,
                description,
                1_000_000,
                id("incremental " + first));
    }

    static Map<String, OperatorStateHandle.StateMetaInfo> offsets() {
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

    static StateHandleID id(String of) {
        return new StateHandleID(uuid(of).toString());
    }

    private static KeyGroupRangeOffsets keyGroupOffsets(int first) {
        KeyGroupRangeOffsets offsets = new KeyGroupRangeOffsets(first, first + 63);
        for (int group = first; group < first + 64; group++) {
            offsets.setKeyGroupOffset(group, 1000L * group);
        }
        return offsets;
    }

    private static UUID uuid(String of) {
        return UUID.nameUUIDFromBytes(of.getBytes(StandardCharsets.UTF_8));
    }
}
