// Files in the checkpoint's own directory: as of 1.11 they are named by relative paths.
package goldens;

import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;
import org.apache.flink.runtime.state.filesystem.RelativeFileStateHandle;

final class OwnFiles {
    static FileStateHandle of(Path path, String name, long size) {
        return new RelativeFileStateHandle(path, name, size);
    }

    /** Null of a file that is named by its absolute path. */
    static String relativePath(FileStateHandle file) {
        return file instanceof RelativeFileStateHandle
                ? ((RelativeFileStateHandle) file).getRelativePath()
                : null;
    }

    private OwnFiles() {}
}
