// Writes the goldens of the Flink on the class path: each case as a _metadata by its own
// serializers, and a listing of what its own loader finds in it. It judges nothing.
package goldens;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Arguments: the directory of the goldens, one for temporary files, and directories of which each
 * holds a _metadata to be listed too.
 *
 * <p>Of each case there is {@code <case>.metadata} and {@code <case>.listing}; where the case has
 * absolute paths of the primary, also {@code <case>.secondary.metadata}, the same states under the
 * secondary's paths. {@code tags.txt} has the tags of states that were written. The listing of a
 * directory of the third kind is in a file {@code listing} in it.
 */
public final class Generate {
    public static void main(String[] args) throws Exception {
        generate(Path.of(args[0]), Path.of(args[1], "chk-42"));
        for (String directory : Arrays.asList(args).subList(2, args.length)) {
            Path path = Path.of(directory);
            Files.writeString(path.resolve("listing"), listingOrError(path));
        }
    }

    private static void generate(Path goldens, Path temporary) throws IOException {
        Files.createDirectories(goldens);
        Files.createDirectories(temporary);
        List<Case> cases = new ArrayList<>(Case.all());
        cases.addAll(RandomCase.all());
        Tags tags = new Tags();
        for (Case one : cases) {
            byte[] bytes = serialize(one, Handles.PRIMARY, tags);
            Files.write(goldens.resolve(one.name + ".metadata"), bytes);
            Files.write(temporary.resolve("_metadata"), bytes);
            Files.writeString(goldens.resolve(one.name + ".listing"), Listing.of(temporary));

            byte[] moved = serialize(one, Handles.SECONDARY, tags);
            if (!Arrays.equals(bytes, moved)) {
                Files.write(goldens.resolve(one.name + ".secondary.metadata"), moved);
            }
            System.out.printf("%-26s made%n", one.name);
        }
        Files.write(goldens.resolve("tags.txt"), tags.lines());
    }

    private static byte[] serialize(Case one, String root, Tags tags) throws IOException {
        Repeatable.restart(one.name);
        Snapshot snapshot = one.states.under(root);
        tags.reset();
        Store.write(snapshot, tags);
        return tags.toByteArray();
    }

    /** What is not a _metadata for Flink is a finding, not the end. */
    private static String listingOrError(Path directory) {
        try {
            return Listing.of(directory);
        } catch (IOException | RuntimeException error) {
            return "error\t" + error + "\n";
        }
    }

    private Generate() {}
}
