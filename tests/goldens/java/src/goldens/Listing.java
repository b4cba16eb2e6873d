// Lists what Flink's loader found: operators, and under each the files that its states name. It
// walks the loaded handles by their getters, so it shares nothing with how they were read.
package goldens;

import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.runtime.state.IncrementalKeyedStateHandle.HandleAndLocalPath;
import org.apache.flink.runtime.state.IncrementalRemoteKeyedStateHandle;
import org.apache.flink.runtime.state.KeyGroupsStateHandle;
import org.apache.flink.runtime.state.KeyedStateHandle;
import org.apache.flink.runtime.state.OperatorStateHandle;
import org.apache.flink.runtime.state.StateObject;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.changelog.ChangelogStateBackendHandle;
import org.apache.flink.runtime.state.changelog.ChangelogStateHandleStreamImpl;
import org.apache.flink.runtime.state.changelog.inmemory.InMemoryChangelogStateHandle;
import org.apache.flink.runtime.state.filemerging.EmptySegmentFileStateHandle;
import org.apache.flink.runtime.state.filemerging.FileMergingOperatorStreamStateHandle;
import org.apache.flink.runtime.state.filemerging.SegmentFileStateHandle;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;
import org.apache.flink.runtime.state.filesystem.RelativeFileStateHandle;
import org.apache.flink.runtime.state.memory.ByteStreamStateHandle;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Lines of fields parted by tabs; characters beyond printable ASCII as {@code \}{@code uXXXX} per
 * UTF-16 unit. References are sorted within their operator.
 */
final class Listing {
    private final List<String> references = new ArrayList<>();

    static String of(int version, CheckpointMetadata metadata) {
        StringBuilder out = new StringBuilder();
        out.append("metadata\t").append(version).append('\t');
        out.append(metadata.getCheckpointId()).append('\n');
        for (OperatorState operator : metadata.getOperatorStates()) {
            out.append("operator\t").append(operator.getOperatorID());
            out.append('\t').append(operator.getParallelism());
            out.append('\t').append(operator.getMaxParallelism());
            out.append('\t').append(escaped(Api.name(operator)));
            out.append('\t').append(escaped(Api.uid(operator))).append('\t');
            int subtasks = operator.getNumberCollectedStates();
            out.append(operator.isFullyFinished() ? "finished" : subtasks).append('\n');
            Listing listing = new Listing();
            listing.stream(operator.getCoordinatorState());
            for (OperatorSubtaskState subtask : operator.getSubtaskStates().values()) {
                listing.subtask(subtask);
            }
            Collections.sort(listing.references);
            for (String reference : listing.references) {
                out.append(reference).append('\n');
            }
        }
        return out.toString();
    }

    private void subtask(OperatorSubtaskState subtask) {
        subtask.getManagedOperatorState().forEach(this::operator);
        subtask.getRawOperatorState().forEach(this::operator);
        subtask.getManagedKeyedState().forEach(this::keyed);
        subtask.getRawKeyedState().forEach(this::keyed);
        for (StateObject channel : subtask.getInputChannelState()) {
            stream(Api.delegate(channel));
        }
        for (StateObject channel : subtask.getResultSubpartitionState()) {
            stream(Api.delegate(channel));
        }
    }

    private void operator(OperatorStateHandle handle) {
        if (handle instanceof FileMergingOperatorStreamStateHandle) {
            FileMergingOperatorStreamStateHandle merged =
                    (FileMergingOperatorStreamStateHandle) handle;
            add("directory", "-", merged.getTaskOwnedDirHandle().getDirectory().toString());
            add("directory", "-", merged.getSharedDirHandle().getDirectory().toString());
        }
        stream(handle.getDelegateStateHandle());
    }

    private void keyed(KeyedStateHandle handle) {
        if (handle instanceof KeyGroupsStateHandle) {
            stream(((KeyGroupsStateHandle) handle).getDelegateStateHandle());
        } else if (handle instanceof IncrementalRemoteKeyedStateHandle) {
            IncrementalRemoteKeyedStateHandle incremental =
                    (IncrementalRemoteKeyedStateHandle) handle;
            stream(incremental.getMetaDataStateHandle());
            for (HandleAndLocalPath file : incremental.getSharedState()) {
                stream(file.getHandle());
            }
            for (HandleAndLocalPath file : incremental.getPrivateState()) {
                stream(file.getHandle());
            }
        } else if (handle instanceof ChangelogStateBackendHandle) {
            ChangelogStateBackendHandle changelog = (ChangelogStateBackendHandle) handle;
            changelog.getMaterializedStateHandles().forEach(this::keyed);
            changelog.getNonMaterializedStateHandles().forEach(this::keyed);
        } else if (handle instanceof ChangelogStateHandleStreamImpl) {
            for (Tuple2<StreamStateHandle, Long> file :
                    ((ChangelogStateHandleStreamImpl) handle).getHandlesAndOffsets()) {
                stream(file.f0);
            }
        } else if (!(handle instanceof InMemoryChangelogStateHandle)) {
            throw new IllegalStateException("unknown keyed state: " + handle.getClass());
        }
    }

    private void stream(StreamStateHandle handle) {
        if (handle instanceof EmptySegmentFileStateHandle) {
            return;
        } else if (handle instanceof SegmentFileStateHandle) {
            SegmentFileStateHandle segment = (SegmentFileStateHandle) handle;
            String size = segment.getStartPos() + "+" + segment.getStateSize();
            add("segment", size, segment.getFilePath().toString());
        } else if (handle instanceof RelativeFileStateHandle) {
            RelativeFileStateHandle file = (RelativeFileStateHandle) handle;
            if (!file.getFilePath().getParent().getName().equals("chk-42")) {
                throw new IllegalStateException("resolved elsewhere: " + file);
            }
            add("relative", "" + file.getStateSize(), file.getRelativePath());
        } else if (handle instanceof FileStateHandle) {
            FileStateHandle file = (FileStateHandle) handle;
            add("absolute", "" + file.getStateSize(), file.getFilePath().toString());
        } else if (handle instanceof KeyGroupsStateHandle) {
            stream(((KeyGroupsStateHandle) handle).getDelegateStateHandle());
        } else if (handle != null && !(handle instanceof ByteStreamStateHandle)) {
            throw new IllegalStateException("unknown stream state: " + handle.getClass());
        }
    }

    private void add(String kind, String size, String path) {
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
