// Files in the checkpoint's own directory: up to 1.10 they are named by absolute paths.
package goldens;

import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;

final class OwnFiles {
    static FileStateHandle of(Path path, String name, long size) {
        return new FileStateHandle(path, size);
    }

    /** Null of a file that is named by its absolute path. */
    static String relativePath(FileStateHandle file) {
        return null;
    }

    private OwnFiles() {}
}
