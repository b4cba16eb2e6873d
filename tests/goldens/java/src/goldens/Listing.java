// Lists what Flink's loader found: states of master hooks, operators, and under each the files that
// its states name. It walks the loaded handles by their getters, so it shares nothing with how
// they were read.
package goldens;

import org.apache.flink.runtime.checkpoint.MasterState;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.IncrementalRemoteKeyedStateHandle;
import org.apache.flink.runtime.state.KeyGroupsStateHandle;
import org.apache.flink.runtime.state.OperatorStateHandle;
import org.apache.flink.runtime.state.StateObject;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;
import org.apache.flink.runtime.state.memory.ByteStreamStateHandle;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Lines of fields parted by tabs; characters beyond printable ASCII as {@code \}{@code uXXXX} per
 * UTF-16 unit. References are sorted within their operator.
 */
public final class Listing {
    private final Path directory;
    private final List<String> references = new ArrayList<>();

    private Listing(Path directory) {
        this.directory = directory;
    }

    /** Of {@code <directory>/_metadata}, as it is on a local disk. */
    public static String of(Path directory) throws IOException {
        byte[] bytes = Files.readAllBytes(directory.resolve("_metadata"));
        Snapshot loaded = Store.read(bytes, directory);
        StringBuilder out = new StringBuilder();
        // The magic number is before it.
        out.append("metadata\t").append(ByteBuffer.wrap(bytes).getInt(4)).append('\t');
        out.append(loaded.checkpointId).append('\n');
        for (MasterState master : loaded.masters) {
            out.append("master\t").append(escaped(master.name())).append('\t');
            out.append(master.version()).append('\t');
            out.append(master.bytes() == null ? -1 : master.bytes().length).append('\n');
        }
        for (OperatorState operator : loaded.operators) {
            new Listing(directory).operator(operator, out);
        }
        return out.toString();
    }

    private void operator(OperatorState operator, StringBuilder out) {
        out.append("operator\t").append(operator.getOperatorID());
        out.append('\t').append(operator.getParallelism());
        out.append('\t').append(operator.getMaxParallelism());
        out.append('\t').append(escaped(Operators.name(operator)));
        out.append('\t').append(escaped(Operators.uid(operator))).append('\t');
        int subtasks = operator.getNumberCollectedStates();
        out.append(Operators.isFinished(operator) ? "finished" : subtasks);
        out.append('\t').append(operator.getStateSize()).append('\n');
        visit(Operators.coordinator(operator));
        for (OperatorSubtaskState subtask : operator.getSubtaskStates().values()) {
            subtask.getManagedOperatorState().forEach(this::visit);
            subtask.getRawOperatorState().forEach(this::visit);
            subtask.getManagedKeyedState().forEach(this::visit);
            subtask.getRawKeyedState().forEach(this::visit);
            Subtasks.channels(subtask).forEach(this::visit);
        }
        Collections.sort(references);
        for (String reference : references) {
            out.append(reference).append('\n');
        }
    }

    /** Lists the files of any handle; null has none. */
    void visit(StateObject handle) {
        if (handle == null || handle instanceof ByteStreamStateHandle) {
            return;
        }
        for (Feature feature : Features.ALL) {
            if (feature.list(handle, this)) {
                return;
            }
        }
        if (handle instanceof FileStateHandle) {
            file((FileStateHandle) handle, "" + handle.getStateSize());
        } else if (handle instanceof OperatorStateHandle) {
            visit(((OperatorStateHandle) handle).getDelegateStateHandle());
        } else if (handle instanceof KeyGroupsStateHandle) {
            visit(((KeyGroupsStateHandle) handle).getDelegateStateHandle());
        } else if (handle instanceof IncrementalRemoteKeyedStateHandle) {
            for (StreamStateHandle file :
                    Keyed.files((IncrementalRemoteKeyedStateHandle) handle)) {
                visit(file);
            }
        } else {
            throw new IllegalStateException("unknown state: " + handle.getClass());
        }
    }

    /** Lists a file that is not as long as its handle says. */
    void visitOfOtherLength(StreamStateHandle handle) {
        if (handle instanceof FileStateHandle) {
            file((FileStateHandle) handle, "~" + handle.getStateSize());
        } else {
            visit(handle);
        }
    }

    private void file(FileStateHandle file, String size) {
        String relative = OwnFiles.relativePath(file);
        if (relative == null) {
            add("absolute", size, file.getFilePath().toString());
            return;
        }
        Path resolved = Path.of(file.getFilePath().getParent().toUri().getPath());
        if (!resolved.equals(directory.toAbsolutePath())) {
            throw new IllegalStateException("resolved elsewhere: " + file);
        }
        add("relative", size, relative);
    }

    void add(String kind, String size, String path) {
        references.add(kind + '\t' + size + '\t' + escaped(path));
    }

    private static String escaped(String text) {
        StringBuilder out = new StringBuilder();
        for (char unit : text.toCharArray()) {
            if (unit >= 0x20 && unit < 0x7F && unit != '\\') {
                out.append(unit);
            } else {
                out.append(String.format("\\u%04x", (int) unit));
            }
        }
        return out.toString();
    }
}
