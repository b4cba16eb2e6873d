// The cases: one _metadata for each kind of job and state, as Flink's own handles. Absolute paths
// are under the root that is asked for; the names of inline state are not, as they are ids.
package goldens;

import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.checkpoint.CheckpointProperties;
import org.apache.flink.runtime.checkpoint.CheckpointRetentionPolicy;
import org.apache.flink.runtime.checkpoint.FinishedOperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.MasterState;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointTestUtils;
import org.apache.flink.runtime.jobgraph.OperatorID;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Random;

final class Case {
    /** What a case writes, with the checkpoints' root on one of the clusters. */
    interface States {
        CheckpointMetadata under(String root);
    }

    private static final CheckpointProperties RETAINED =
            CheckpointProperties.forCheckpoint(CheckpointRetentionPolicy.RETAIN_ON_CANCELLATION);
    private static final CheckpointProperties UNCLAIMED =
            CheckpointProperties.forUnclaimedSnapshot();
    private static final CheckpointProperties CANONICAL =
            CheckpointProperties.forSavepoint(true, SavepointFormatType.CANONICAL);
    private static final CheckpointProperties NATIVE =
            CheckpointProperties.forSavepoint(true, SavepointFormatType.NATIVE);

    final String name;
    final States states;

    private Case(String name, States states) {
        this.name = name;
        this.states = states;
    }

    static List<Case> all() {
        List<Case> cases = new ArrayList<>();
        cases.add(new Case("empty", root -> of(RETAINED)));
        cases.add(new Case("heap", root -> of(RETAINED, heap(new Handles(root)))));
        cases.add(new Case("rocksdb-full", root -> of(RETAINED, full(new Handles(root)))));
        cases.add(new Case("rocksdb-incremental", root -> of(RETAINED, rocks(new Handles(root)))));
        cases.add(new Case("unclaimed", root -> of(UNCLAIMED, rocks(new Handles(root)))));
        cases.add(new Case("savepoint-canonical", root -> savepoint(CANONICAL)));
        cases.add(new Case("savepoint-native", root -> savepoint(NATIVE)));
        cases.add(new Case("unaligned", root -> of(RETAINED, unaligned(new Handles(root)))));
        cases.add(new Case("changelog", root -> of(RETAINED, changelog(new Handles(root)))));
        cases.add(new Case("file-merging", root -> of(RETAINED, merging(new Handles(root)))));
        cases.add(new Case("text", root -> of(RETAINED, text(new Handles(root)))));
        cases.add(new Case("finished", Case::finished));
        for (int seed = 1; seed <= 3; seed++) {
            int one = seed;
            cases.add(new Case("random-checkpoint-" + seed, root -> random(one, null)));
            cases.add(new Case("random-savepoint-" + seed, root -> random(one, "file:///chk-42")));
        }
        return cases;
    }

    private static CheckpointMetadata of(CheckpointProperties properties, OperatorState... states) {
        return new CheckpointMetadata(
                42, Arrays.asList(states), Collections.emptyList(), properties);
    }

    private static OperatorState operator(String name, OperatorSubtaskState... subtasks) {
        OperatorState operator = Api.operator(name, name + "-uid", id(name), subtasks.length);
        for (int i = 0; i < subtasks.length; i++) {
            operator.putState(i, subtasks[i]);
        }
        return operator;
    }

    private static OperatorID id(String name) {
        return new OperatorID(name.hashCode() * 0x9E3779B97F4A7C15L, name.length());
    }

    /** A source with a coordinator; subtasks with files, with inline state, with none. */
    private static OperatorState heap(Handles make) {
        OperatorState operator =
                operator(
                        "heap",
                        OperatorSubtaskState.builder()
                                .setManagedOperatorState(
                                        make.partitionable(make.relative("op-0", 2048)))
                                .setRawOperatorState(make.partitionable(make.relative("raw-0", 3)))
                                .setManagedKeyedState(
                                        make.keyGroups(0, make.relative("keyed-0", 1 << 20)))
                                .setRawKeyedState(
                                        make.keyGroups(0, make.relative("timers-0", 4096)))
                                .build(),
                        OperatorSubtaskState.builder()
                                .setManagedOperatorState(make.partitionable(make.inline("op-1")))
                                .setManagedKeyedState(make.keyGroups(64, make.inline("keyed-1")))
                                .build(),
                        OperatorSubtaskState.builder().build());
        operator.setCoordinatorState(make.inline("coordinator"));
        return operator;
    }

    /** Absolute paths: what a full snapshot in the shared scope has, and one of unknown length. */
    private static OperatorState full(Handles make) {
        return operator(
                "full",
                OperatorSubtaskState.builder()
                        .setManagedKeyedState(
                                make.keyGroups(0, make.absolute("shared/full", 1L << 40)))
                        .build(),
                OperatorSubtaskState.builder()
                        .setManagedKeyedState(
                                make.keyGroups(64, make.absolute("shared/unknown", -1)))
                        .setRawKeyedState(make.keyGroups(64, make.absolute("taskowned/empty", 0)))
                        .build(),
                OperatorSubtaskState.builder()
                        .setManagedOperatorState(
                                make.partitionable(
                                        make.streamOfKeyGroups(make.absolute("shared/nested", 7))))
                        .build());
    }

    private static OperatorState rocks(Handles make) {
        return operator(
                "incremental",
                OperatorSubtaskState.builder()
                        .setManagedKeyedState(make.incremental(0, 12))
                        .build(),
                OperatorSubtaskState.builder()
                        .setManagedKeyedState(make.incremental(64, 3))
                        .build());
    }

    private static CheckpointMetadata savepoint(CheckpointProperties properties) {
        Handles make = new Handles(Generate.PRIMARY);
        OperatorSubtaskState subtask =
                OperatorSubtaskState.builder()
                        .setManagedOperatorState(make.partitionable(make.relative("op-0", 99)))
                        .setManagedKeyedState(make.savepoint(make.relative("keyed-0", 1000)))
                        .build();
        return of(properties, operator("savepoint", subtask));
    }

    private static OperatorState unaligned(Handles make) {
        OperatorSubtaskState.Builder subtask = OperatorSubtaskState.builder();
        Api.setChannels(
                subtask,
                make.inputs(make.absolute("chk-42/channels-in", 5000)),
                make.outputs(make.relative("channels-out", 6000)));
        return operator("unaligned", subtask.build(), OperatorSubtaskState.builder().build());
    }

    private static OperatorState changelog(Handles make) {
        return operator(
                "changelog",
                OperatorSubtaskState.builder().setManagedKeyedState(make.changelog()).build());
    }

    private static OperatorState merging(Handles make) {
        return operator(
                "merging",
                OperatorSubtaskState.builder()
                        .setManagedOperatorState(
                                make.mergedOperator(make.segment("taskowned/seg", 0, 10)))
                        .setManagedKeyedState(make.keyGroups(0, make.segment("shared/seg", 10, 20)))
                        .build(),
                OperatorSubtaskState.builder()
                        .setManagedOperatorState(make.emptyMergedOperator())
                        .setManagedKeyedState(make.keyGroups(64, make.segment("shared/seg", 30, 0)))
                        .build());
    }

    /** Characters of two, three and six bytes, and a space, in paths and names. */
    private static OperatorState text(Handles make) {
        return operator(
                "n\u00e4me \u20ac \uD83D\uDE00",
                OperatorSubtaskState.builder()
                        .setManagedOperatorState(
                                make.partitionable(make.relative("\uD83D\uDE00 r", 1)))
                        .setManagedKeyedState(
                                make.keyGroups(
                                        0, make.absolute("shared/\u00e9\u20ac\uD83D\uDE00 x", 2)))
                        .build());
    }

    private static CheckpointMetadata finished(String root) {
        Handles make = new Handles(root);
        OperatorState partly =
                operator(
                        "partly",
                        FinishedOperatorSubtaskState.INSTANCE,
                        OperatorSubtaskState.builder()
                                .setManagedOperatorState(
                                        make.partitionable(make.absolute("shared/p", 5)))
                                .build(),
                        FinishedOperatorSubtaskState.INSTANCE);
        OperatorState fully = Api.finished("fully", "", id("fully"), 4);
        OperatorState stateless = Api.operator("", "", id("stateless"), 2);
        byte[] opaque = "hdfs://primary:8020/opaque".getBytes(StandardCharsets.UTF_8);
        Collection<MasterState> masters =
                Arrays.asList(
                        new MasterState("hook", opaque, 1),
                        new MasterState("hook-2", new byte[0], 7));
        return new CheckpointMetadata(
                Long.MAX_VALUE, Arrays.asList(partly, fully, stateless), masters, RETAINED);
    }

    /** What Flink tests its own serializers with; a base path makes it a savepoint. */
    private static CheckpointMetadata random(int seed, String basePath) {
        Random random = new Random(seed);
        List<OperatorState> states = new ArrayList<>();
        for (OperatorState state :
                CheckpointTestUtils.createOperatorStates(random, basePath, 4, 2, 1, 6)) {
            states.add(withId(new OperatorID(seed, states.size()), state));
        }
        Collection<MasterState> masters = CheckpointTestUtils.createRandomMasterStates(random, 2);
        return new CheckpointMetadata(seed, states, masters, RETAINED);
    }

    /** The same state under an id that is not drawn at random. */
    private static OperatorState withId(OperatorID id, OperatorState state) {
        String name = Api.name(state);
        String uid = Api.uid(state);
        if (state.isFullyFinished()) {
            return Api.finished(name, uid, id, state.getParallelism());
        }
        OperatorState copy = Api.operator(name, uid, id, state.getParallelism());
        copy.setCoordinatorState(state.getCoordinatorState());
        state.getSubtaskStates().forEach(copy::putState);
        return copy;
    }
}
