// A case has a name, and states with absolute paths under the root that is asked for; the names of
// inline state are not under it, as they are ids. Here are the cases of every Flink.
package goldens;

import org.apache.flink.runtime.checkpoint.MasterState;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.jobgraph.OperatorID;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

final class Case {
    /** What a case writes, with the checkpoints' root on one of the clusters. */
    interface States {
        Snapshot under(String root);
    }

    final String name;
    final States states;

    Case(String name, States states) {
        this.name = name;
        this.states = states;
    }

    /** Those of every Flink, and those of the features of this one. */
    static List<Case> all() {
        List<Case> cases = new ArrayList<>();
        cases.add(new Case("empty", root -> of(Snapshot.Kind.RETAINED)));
        cases.add(new Case("masters", root -> masters()));
        cases.add(new Case("heap", root -> of(Snapshot.Kind.RETAINED, heap(new Handles(root)))));
        cases.add(new Case("rocksdb-full", root -> retained(full(new Handles(root)))));
        cases.add(new Case("rocksdb-incremental", root -> retained(rocks(new Handles(root)))));
        cases.add(new Case("savepoint-canonical", root -> savepoint(new Handles(root))));
        cases.add(new Case("text", root -> retained(text(new Handles(root), " x"))));
        cases.add(new Case("text-nul", root -> retained(text(new Handles(root), "\u0000 x"))));
        for (Feature feature : Features.ALL) {
            cases.addAll(feature.cases());
        }
        return cases;
    }

    static Snapshot retained(OperatorState... states) {
        return of(Snapshot.Kind.RETAINED, states);
    }

    static Snapshot of(Snapshot.Kind kind, OperatorState... states) {
        return new Snapshot(kind, 42, Arrays.asList(states), Collections.emptyList());
    }

    static OperatorState operator(String name, OperatorSubtaskState... subtasks) {
        OperatorState operator = Operators.of(name, name + "-uid", id(name), subtasks.length);
        for (int i = 0; i < subtasks.length; i++) {
            operator.putState(i, subtasks[i]);
        }
        return operator;
    }

    static OperatorID id(String name) {
        return new OperatorID(name.hashCode() * 0x9E3779B97F4A7C15L, name.length());
    }

    /** Hooks of the JobManager, of which the bytes are their own affair. */
    private static Snapshot masters() {
        byte[] opaque = "hdfs://primary:8020/opaque".getBytes(StandardCharsets.UTF_8);
        List<MasterState> masters =
                Arrays.asList(
                        new MasterState("hook", opaque, 1),
                        new MasterState("hook-2", new byte[0], 7),
                        new MasterState("h\u00f6\u0000k \uD83D\uDE00\t", new byte[300], -1));
        return new Snapshot(
                Snapshot.Kind.RETAINED,
                Long.MAX_VALUE,
                Collections.singletonList(Operators.of("", "", id("stateless"), 2)),
                masters);
    }

    /** A source with a coordinator; subtasks with files, with inline state, with none. */
    private static OperatorState heap(Handles make) {
        OperatorState operator =
                operator(
                        "heap",
                        new Subtask()
                                .operator(make.partitionable(make.own("op-0", 2048)))
                                .rawOperator(make.partitionable(make.own("raw-0", 3)))
                                .keyed(make.keyGroups(0, make.own("keyed-0", 1 << 20)))
                                .rawKeyed(make.keyGroups(0, make.own("timers-0", 4096)))
                                .build(),
                        new Subtask()
                                .operator(make.partitionable(make.inline("op-1")))
                                .keyed(make.keyGroups(64, make.inline("keyed-1")))
                                .build(),
                        new Subtask().build());
        Operators.setCoordinator(operator, make.inline("coordinator"));
        return operator;
    }

    /** Absolute paths: what a full snapshot in the shared scope has, and one of unknown length. */
    private static OperatorState full(Handles make) {
        return operator(
                "full",
                new Subtask()
                        .keyed(make.keyGroups(0, make.absolute("shared/full", 1L << 40)))
                        .build(),
                new Subtask()
                        .keyed(make.keyGroups(64, make.absolute("shared/unknown", -1)))
                        .rawKeyed(make.keyGroups(64, make.absolute("taskowned/empty", 0)))
                        .build());
    }

    static OperatorState rocks(Handles make) {
        return operator(
                "incremental",
                new Subtask().keyed(make.incremental(0, 12)).build(),
                new Subtask().keyed(make.incremental(64, 3)).build());
    }

    private static Snapshot savepoint(Handles make) {
        OperatorSubtaskState subtask =
                new Subtask()
                        .operator(make.partitionable(make.own("op-0", 99)))
                        .keyed(make.savepoint(make.own("keyed-0", 1000)))
                        .build();
        return of(Snapshot.Kind.CANONICAL, operator("savepoint", subtask));
    }

    /** Characters of one to six bytes, a space among them, in paths and names. */
    private static OperatorState text(Handles make, String end) {
        String odd = "\u00e9\u20ac\uD83D\uDE00" + end;
        return operator(
                "n\u00e4me \u20ac \uD83D\uDE00 \u0000",
                new Subtask()
                        .operator(make.partitionable(make.own("\uD83D\uDE00 r" + odd, 1)))
                        .keyed(make.keyGroups(0, make.absolute("shared/" + odd, 2)))
                        .build(),
                new Subtask().operator(make.partitionable(make.inline(odd))).build());
    }
}
