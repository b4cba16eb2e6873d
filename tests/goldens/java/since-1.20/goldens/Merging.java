// Checkpoints with merged files: states are segments, and name directories.
package goldens;

import org.apache.flink.runtime.checkpoint.filemerging.LogicalFile.LogicalFileId;
import org.apache.flink.runtime.state.CheckpointedStateScope;
import org.apache.flink.runtime.state.OperatorStateHandle;
import org.apache.flink.runtime.state.StateObject;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.filemerging.DirectoryStreamStateHandle;
import org.apache.flink.runtime.state.filemerging.EmptyFileMergingOperatorStreamStateHandle;
import org.apache.flink.runtime.state.filemerging.EmptySegmentFileStateHandle;
import org.apache.flink.runtime.state.filemerging.FileMergingOperatorStreamStateHandle;
import org.apache.flink.runtime.state.filemerging.SegmentFileStateHandle;

import java.util.Collections;
import java.util.List;

final class Merging implements Feature {
    @Override
    public List<Case> cases() {
        return Collections.singletonList(
                new Case("file-merging", root -> states(new Handles(root))));
    }

    private static Snapshot states(Handles make) {
        DirectoryStreamStateHandle owned =
                DirectoryStreamStateHandle.of(make.path("taskowned/tm-1"));
        DirectoryStreamStateHandle shared =
                DirectoryStreamStateHandle.of(make.path("shared/job-1"));
        OperatorStateHandle merged =
                new FileMergingOperatorStreamStateHandle(
                        owned, shared, Handles.offsets(), segment(make, "taskowned/seg", 0, 10));
        OperatorStateHandle empty =
                EmptyFileMergingOperatorStreamStateHandle.create(owned, shared);
        return Case.retained(
                Case.operator(
                        "merging",
                        new Subtask()
                                .operator(merged)
                                .keyed(make.keyGroups(0, segment(make, "shared/seg", 10, 20)))
                                .build(),
                        new Subtask()
                                .operator(empty)
                                .keyed(make.keyGroups(64, segment(make, "shared/seg", 30, 0)))
                                .build()));
    }

    private static StreamStateHandle segment(Handles make, String path, long start, long size) {
        boolean isShared = path.startsWith("shared");
        return new SegmentFileStateHandle(
                make.path(path),
                start,
                size,
                isShared ? CheckpointedStateScope.SHARED : CheckpointedStateScope.EXCLUSIVE,
                new LogicalFileId(Handles.id("logical " + path + start).getKeyString()));
    }

    @Override
    public boolean list(StateObject handle, Listing listing) {
        if (handle instanceof FileMergingOperatorStreamStateHandle) {
            FileMergingOperatorStreamStateHandle merged =
                    (FileMergingOperatorStreamStateHandle) handle;
            directory(merged.getTaskOwnedDirHandle(), listing);
            directory(merged.getSharedDirHandle(), listing);
            listing.visit(merged.getDelegateStateHandle());
            return true;
        }
        if (handle instanceof SegmentFileStateHandle
                && !(handle instanceof EmptySegmentFileStateHandle)) {
            SegmentFileStateHandle segment = (SegmentFileStateHandle) handle;
            String size = segment.getStartPos() + "+" + segment.getStateSize();
            listing.add("segment", size, segment.getFilePath().toString());
        }
        return handle instanceof SegmentFileStateHandle;
    }

    private static void directory(DirectoryStreamStateHandle directory, Listing listing) {
        listing.add("directory", "-", directory.getDirectory().toString());
    }
}
