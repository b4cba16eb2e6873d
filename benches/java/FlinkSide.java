import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import org.apache.flink.runtime.checkpoint.CheckpointProperties;
import org.apache.flink.runtime.checkpoint.CheckpointRetentionPolicy;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.runtime.state.IncrementalKeyedStateHandle.HandleAndLocalPath;
import org.apache.flink.runtime.state.IncrementalRemoteKeyedStateHandle;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyedStateHandle;
import org.apache.flink.runtime.state.OperatorStateHandle;
import org.apache.flink.runtime.state.OperatorStateHandle.StateMetaInfo;
import org.apache.flink.runtime.state.OperatorStreamStateHandle;
import org.apache.flink.runtime.state.StateHandleID;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;
import org.apache.flink.runtime.state.filesystem.RelativeFileStateHandle;
import org.apache.flink.runtime.state.memory.ByteStreamStateHandle;

/**
 * Flink's side of the measurements: writes large {@code _metadata} by Flink's own serializer, and
 * takes the time of its own loader and serializer. Reads commands from standard input, a line at a
 * time, and answers each with a line of numbers. It uses nothing of the product.
 *
 * <pre>
 * write DIRECTORY OPERATORS SUBTASKS   to DIRECTORY/_metadata: bytes, files named
 * open DIRECTORY                       reads DIRECTORY/_metadata into memory: bytes
 * count                                loads and stores it, which must give the same: files named
 * parse                                loads it: nanoseconds of the thread, nanoseconds
 * rewrite                              loads and stores it: the same
 * </pre>
 *
 * <p>The nanoseconds of the thread are without those of the threads that compile and collect.
 */
public final class FlinkSide {

    private static final String CHECKPOINTS =
            "hdfs://nameservice1/flink/checkpoints/a1b2c3d4e5f60718293a4b5c6d7e8f90/";
    private static final int CHECKPOINT = 42;

    /** Of each subtask: what RocksDB has with some gigabytes of state. */
    private static final int TABLES = 64;

    private final ThreadMXBean thread = ManagementFactory.getThreadMXBean();
    private final SplittableRandom random = new SplittableRandom(CHECKPOINT);
    private byte[] bytes;
    private String directory;

    private FlinkSide() {}

    /** Serves until standard input ends. */
    public static void main(String[] args) throws IOException {
        PrintStream answers = System.out;
        // Whatever else in this JVM prints must not mix with the answers.
        System.setOut(System.err);
        FlinkSide side = new FlinkSide();
        BufferedReader commands =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            answers.println(side.answer(line.split(" ")));
            answers.flush();
        }
    }

    private String answer(String[] words) throws IOException {
        switch (words[0]) {
            case "write":
                Path file = Files.createDirectories(Paths.get(words[1])).resolve("_metadata");
                Job job = new Job(Integer.parseInt(words[2]), Integer.parseInt(words[3]));
                try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
                    store(job.metadata(), out);
                }
                return Files.size(file) + " " + job.files;
            case "open":
                directory = words[1];
                bytes = Files.readAllBytes(Paths.get(directory, "_metadata"));
                return Integer.toString(bytes.length);
            case "count":
                CheckpointMetadata metadata = load();
                if (!Arrays.equals(bytes, store(metadata))) {
                    throw new IOException("stored again, the bytes are others");
                }
                return Long.toString(files(metadata));
            case "parse":
                return measured(false);
            case "rewrite":
                return measured(true);
            default:
                throw new IOException("say: write, open, count, parse or rewrite");
        }
    }

    private String measured(boolean alsoStored) throws IOException {
        // What the last round left behind is not this one's cost.
        System.gc();
        long start = System.nanoTime();
        long threadStart = thread.getCurrentThreadCpuTime();
        CheckpointMetadata metadata = load();
        int stored = alsoStored ? store(metadata).length : bytes.length;
        long threadTime = thread.getCurrentThreadCpuTime() - threadStart;
        long time = System.nanoTime() - start;
        // Uses both, so that neither is left out.
        if (metadata.getCheckpointId() != CHECKPOINT || stored != bytes.length) {
            throw new IOException("this time something else was loaded or stored");
        }
        return threadTime + " " + time;
    }

    /** From memory, which is the fastest stream that there is. */
    private CheckpointMetadata load() throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
        return Checkpoints.loadCheckpointMetadata(in, FlinkSide.class.getClassLoader(), directory);
    }

    private byte[] store(CheckpointMetadata metadata) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream(bytes.length);
        store(metadata, out);
        return out.toByteArray();
    }

    private static void store(CheckpointMetadata metadata, OutputStream out) throws IOException {
        Checkpoints.storeCheckpointMetadata(metadata, out);
    }

    private static long files(CheckpointMetadata metadata) {
        long files = 0;
        for (OperatorState operator : metadata.getOperatorStates()) {
            for (OperatorSubtaskState subtask : operator.getStates()) {
                for (OperatorStateHandle state : subtask.getManagedOperatorState()) {
                    files += files(state.getDelegateStateHandle());
                }
                for (KeyedStateHandle state : subtask.getManagedKeyedState()) {
                    IncrementalRemoteKeyedStateHandle increment =
                            (IncrementalRemoteKeyedStateHandle) state;
                    files += files(increment.getMetaDataStateHandle());
                    files += files(increment.getSharedState());
                    files += files(increment.getPrivateState());
                }
            }
        }
        return files;
    }

    private static long files(List<HandleAndLocalPath> handles) {
        long files = 0;
        for (HandleAndLocalPath handle : handles) {
            files += files(handle.getHandle());
        }
        return files;
    }

    /** A relative one is a file handle too; inline state is not. */
    private static long files(StreamStateHandle handle) {
        return handle instanceof FileStateHandle ? 1 : 0;
    }

    /** A job with incremental RocksDB state. Of its operators one is in memory at a time. */
    private final class Job extends AbstractList<OperatorState> {

        private final int operators;
        private final int subtasks;
        private long files;

        Job(int operators, int subtasks) {
            this.operators = operators;
            this.subtasks = subtasks;
        }

        CheckpointMetadata metadata() {
            CheckpointProperties properties =
                    CheckpointProperties.forCheckpoint(
                            CheckpointRetentionPolicy.RETAIN_ON_CANCELLATION);
            return new CheckpointMetadata(CHECKPOINT, this, Collections.emptyList(), properties);
        }

        @Override
        public int size() {
            return operators;
        }

        @Override
        public OperatorState get(int index) {
            OperatorID id = new OperatorID(random.nextLong(), random.nextLong());
            int groups = Integer.highestOneBit(subtasks) * 8;
            OperatorState operator = new OperatorState(id, subtasks, groups);
            for (int i = 0; i < subtasks; i++) {
                OperatorSubtaskState.Builder subtask = OperatorSubtaskState.builder();
                subtask.setManagedKeyedState(
                        increment(
                                KeyGroupRange.of(
                                        i * groups / subtasks, (i + 1) * groups / subtasks - 1)));
                // Sources and sinks.
                if (index % 4 == 0) {
                    subtask.setManagedOperatorState(offsets());
                }
                operator.putState(i, subtask.build());
            }
            return operator;
        }

        private KeyedStateHandle increment(KeyGroupRange range) {
            List<HandleAndLocalPath> shared = new ArrayList<>(TABLES);
            for (int i = 0; i < TABLES; i++) {
                String name = String.format("%06d.sst", random.nextInt(1_000_000));
                shared.add(HandleAndLocalPath.of(shared(67_108_864), name));
            }
            ByteStreamStateHandle current =
                    new ByteStreamStateHandle(
                            CHECKPOINTS + "shared/" + uuid(),
                            "MANIFEST-000004\n".getBytes(StandardCharsets.UTF_8));
            List<HandleAndLocalPath> own =
                    Arrays.asList(
                            HandleAndLocalPath.of(shared(30_000), "MANIFEST-000004"),
                            HandleAndLocalPath.of(shared(25_000), "OPTIONS-000007"),
                            HandleAndLocalPath.of(current, "CURRENT"));
            return IncrementalRemoteKeyedStateHandle.restore(
                    uuid(),
                    range,
                    CHECKPOINT,
                    shared,
                    own,
                    relative(22_000),
                    200_000_000,
                    new StateHandleID(uuid().toString()));
        }

        private OperatorStateHandle offsets() {
            long[] places = {0, 61, 122, 183};
            StateMetaInfo state = new StateMetaInfo(places, OperatorStateHandle.Mode.UNION);
            return new OperatorStreamStateHandle(
                    Collections.singletonMap("partitions-and-offsets", state), relative(25_000));
        }

        private StreamStateHandle shared(int most) {
            files++;
            org.apache.flink.core.fs.Path path =
                    new org.apache.flink.core.fs.Path(CHECKPOINTS + "shared/" + uuid());
            return new FileStateHandle(path, random.nextInt(most));
        }

        private StreamStateHandle relative(int most) {
            files++;
            String name = uuid().toString();
            org.apache.flink.core.fs.Path path =
                    new org.apache.flink.core.fs.Path(
                            CHECKPOINTS + "chk-" + CHECKPOINT + "/" + name);
            return new RelativeFileStateHandle(path, name, random.nextInt(most));
        }

        private UUID uuid() {
            return new UUID(random.nextLong(), random.nextLong());
        }
    }
}
