// A checkpoint or savepoint where it was written: its metadata, what Flink's loader finds in it,
// and whether the files that it names are there.
package jobs;

import goldens.Listing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Set;
import java.util.TreeSet;

final class Snapshot {
    static final String RELATIVE = "file beside the metadata";
    static final String ABSOLUTE = "file by its absolute path";
    static final String SEGMENT = "segment of a file";
    static final String DIRECTORY = "directory";

    final byte[] metadata;
    final String listing;
    final Set<String> facts;
    /** The files that are named by absolute paths, also in segments. */
    final Set<String> files = new TreeSet<>();

    /** @param pointer the directory, as {@code file:/...} */
    Snapshot(String pointer) throws Exception {
        Path directory = local(pointer);
        metadata = Files.readAllBytes(directory.resolve("_metadata"));
        listing = Listing.of(directory);
        facts = Facts.of(Loaded.operators(metadata, pointer));
        for (String line : listing.split("\n")) {
            reference(line.split("\t"), directory);
        }
    }

    private void reference(String[] fields, Path directory) throws IOException {
        switch (fields[0]) {
            case "relative":
                facts.add(RELATIVE);
                length(directory.resolve(fields[2]), fields[1]);
                break;
            case "absolute":
                facts.add(ABSOLUTE);
                files.add(fields[2]);
                length(local(fields[2]), fields[1]);
                break;
            case "segment":
                facts.add(SEGMENT);
                files.add(fields[2]);
                String[] range = fields[1].split("\\+");
                long end = Long.parseLong(range[0]) + Long.parseLong(range[1]);
                if (Files.size(local(fields[2])) < end) {
                    throw new IllegalStateException(fields[2] + " ends before " + end);
                }
                break;
            case "directory":
                facts.add(DIRECTORY);
                break;
            default: // not a reference
        }
    }

    /** A file that is not as long as its handle says must be there all the same. */
    private static void length(Path file, String expected) throws IOException {
        String found = String.valueOf(Files.size(file));
        if (!found.equals(expected) && !expected.startsWith("~")) {
            throw new IllegalStateException(
                    file + " has " + found + " bytes, expected " + expected);
        }
    }

    /** Flink writes {@code file:/tmp}, Java knows {@code file:///tmp} too. */
    static Path local(String path) {
        return Paths.get(path.replaceFirst("^file:/+", "/"));
    }
}
