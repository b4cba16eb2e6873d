// Writes the goldens of the Flink on the class path: each case as a _metadata by its own
// serializers, and a listing of what its own loader finds in it. It judges nothing.
package goldens;

import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Arguments: the directory of the goldens, and one for temporary files. Of each case there is
 * {@code <case>.metadata} and {@code <case>.listing}; where the case has absolute paths of the
 * primary, also {@code <case>.secondary.metadata}, the same states under the secondary's paths.
 */
public final class Generate {
    static final String PRIMARY = "hdfs://primary:8020/flink/checkpoints";
    static final String SECONDARY = "hdfs://the-other-cluster/mirror/of/primary";

    public static void main(String[] args) throws Exception {
        Path goldens = Path.of(args[0]);
        Path temporary = Path.of(args[1]);
        for (Case one : Case.all()) {
            Repeatable.restart(one.name);
            byte[] bytes = serialize(one.states.under(PRIMARY));
            Files.write(goldens.resolve(one.name + ".metadata"), bytes);
            String listing = Listing.of(version(bytes), load(bytes, temporary));
            Files.writeString(goldens.resolve(one.name + ".listing"), listing);

            Repeatable.restart(one.name);
            byte[] moved = serialize(one.states.under(SECONDARY));
            if (!Arrays.equals(bytes, moved)) {
                Files.write(goldens.resolve(one.name + ".secondary.metadata"), moved);
            }
        }
    }

    private static byte[] serialize(CheckpointMetadata metadata) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Checkpoints.storeCheckpointMetadata(metadata, out);
        return out.toByteArray();
    }

    private static int version(byte[] bytes) throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
        in.readInt();
        return in.readInt();
    }

    /** Relative paths are resolved against the pointer, which Flink looks up. */
    private static CheckpointMetadata load(byte[] bytes, Path temporary) throws IOException {
        Path directory = Files.createDirectories(temporary.resolve("chk-42"));
        Files.write(directory.resolve("_metadata"), bytes);
        return Checkpoints.loadCheckpointMetadata(
                new DataInputStream(new ByteArrayInputStream(bytes)),
                Generate.class.getClassLoader(),
                directory.toUri().toString());
    }

    private Generate() {}
}
