package io.dualwrite.flink;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.state.CheckpointStateOutputStream;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;

/**
 * What the tee takes of the thread that writes a checkpoint: the product's own classes and library,
 * as in a TaskManager, over a primary that takes bytes and does nothing; beside it {@code
 * System.arraycopy} of the same bytes. Lies in the product's package because its classes are not
 * public. Its argument is a local directory, below which the secondary is. Reads commands from
 * standard input, a line at a time, and answers each with a line of numbers:
 *
 * <pre>
 * cached   {@value #FILES} files of {@value #FILE_BYTES} bytes into one array of a chunk's size
 * bare     the same into as many arrays as the tee takes chunks
 * teed     the same through the tee, opened and completed
 * small    {@value #SMALL_FILES} files of {@value #SMALL_BYTES} bytes through the tee
 * </pre>
 *
 * <p>The numbers are nanoseconds of the thread, and nanoseconds. No answer is given before all
 * files are on the secondary; one that the tee has given up ends the process.
 */
public final class TeeSide {

    private static final int WRITE_BYTES = 16 << 10;
    private static final int CHUNK_BYTES = 256 << 10;
    private static final int FILE_BYTES = 4 << 20;
    private static final int FILES = 8;
    private static final int SMALL_BYTES = 4 << 10;
    private static final int SMALL_FILES = 64;
    private static final long LIMIT_MS = 60_000;

    private final ThreadMXBean thread = ManagementFactory.getThreadMXBean();
    private final byte[] bytes = new byte[WRITE_BYTES];
    private final byte[][] chunks = new byte[FILES * (FILE_BYTES / CHUNK_BYTES)][CHUNK_BYTES];
    private final JobID jobId = new JobID();
    private final Path root;
    private final Native library;
    private final long job;
    private long files;

    private TeeSide(Path root) throws Exception {
        this.root = root;
        Configuration config = new Configuration();
        config.setString("dualwrite.secondary.dir", root.resolve("secondary").toUri().toString());
        config.setString("dualwrite.metrics.port", "0");
        library = NativeLibrary.ofProcess().load(config);
        if (library == null) {
            throw new IOException("the library is not loaded");
        }
        String primary = root.resolve("primary").toUri().toString();
        List<String> settings = DualWriteSettings.read(config, primary, null);
        job = new NativeJob(library, settings, jobId, NativeJob.WORKER, null).handle();
    }

    /** Serves until standard input ends. */
    public static void main(String[] args) throws Exception {
        PrintStream answers = System.out;
        // Whatever else in this JVM prints must not mix with the answers.
        System.setOut(System.err);
        TeeSide side = new TeeSide(Paths.get(args[0]));
        BufferedReader commands =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            answers.println(side.answer(line));
            answers.flush();
        }
    }

    private String answer(String command) throws Exception {
        switch (command) {
            case "cached":
                return copied(1);
            case "bare":
                return copied(chunks.length);
            case "teed":
                return teed(FILES, FILE_BYTES);
            case "small":
                return teed(SMALL_FILES, SMALL_BYTES);
            default:
                throw new IOException("say: cached, bare, teed or small");
        }
    }

    /** By System.arraycopy into so many of the arrays in turn. */
    private String copied(int targets) {
        final int writes = CHUNK_BYTES / WRITE_BYTES;
        long start = System.nanoTime();
        long threadStart = thread.getCurrentThreadCpuTime();
        for (int chunk = 0; chunk < chunks.length; chunk++) {
            for (int write = 0; write < writes; write++) {
                System.arraycopy(
                        bytes, 0, chunks[chunk % targets], write * WRITE_BYTES, WRITE_BYTES);
            }
        }
        long threadTime = thread.getCurrentThreadCpuTime() - threadStart;
        return threadTime + " " + (System.nanoTime() - start);
    }

    private String teed(int count, int size) throws Exception {
        List<String> paths = new ArrayList<>();
        for (int file = 0; file < count; file++) {
            paths.add(jobId.toHexString() + "/chk-1/" + files++);
        }
        long start = System.nanoTime();
        long threadStart = thread.getCurrentThreadCpuTime();
        for (String path : paths) {
            write(path, size);
        }
        long threadTime = thread.getCurrentThreadCpuTime() - threadStart;
        long time = System.nanoTime() - start;
        awaitAll();
        for (String path : paths) {
            Path copy = root.resolve("secondary").resolve(path);
            if (Files.size(copy) != size) {
                throw new IOException(copy + " has not " + size + " bytes");
            }
            Files.delete(copy);
        }
        return threadTime + " " + time;
    }

    private void write(String path, int size) throws IOException {
        String primary = root.resolve("primary").resolve(path).toUri().toString();
        TeeSession session = new TeeSession(library, job, Native.SCOPE_EXCLUSIVE, 1);
        try (TeeOutputStream out = new TeeOutputStream(new Nothing(primary), session)) {
            for (int done = 0; done < size; done += Math.min(size, WRITE_BYTES)) {
                out.write(bytes, 0, Math.min(size, WRITE_BYTES));
            }
            out.closeAndGetHandle();
        }
    }

    /** Until the secondary has every file ever written. */
    private void awaitAll() throws Exception {
        long end = System.currentTimeMillis() + LIMIT_MS;
        while (number("files_uploaded_total") != files || number("buffer_used_bytes") != 0) {
            if (System.currentTimeMillis() > end) {
                throw new IOException("not all files were teed:\n" + library.numbers());
            }
            Thread.sleep(1);
        }
    }

    /** One without labels. */
    private long number(String name) throws IOException {
        for (String line : library.numbers().split("\n")) {
            String[] words = line.split("\t");
            if (words.length == 2 && words[0].equals(name)) {
                return (long) Double.parseDouble(words[1]);
            }
        }
        throw new IOException("there is no number " + name);
    }

    /** A primary that keeps nothing. */
    private static final class Nothing extends CheckpointStateOutputStream {

        private final String path;
        private long length;

        Nothing(String path) {
            this.path = path;
        }

        @Override
        public void write(int b) {
            length++;
        }

        @Override
        public void write(byte[] source, int offset, int count) {
            length += count;
        }

        @Override
        public long getPos() {
            return length;
        }

        @Override
        public void flush() {}

        @Override
        public void sync() {}

        @Override
        public StreamStateHandle closeAndGetHandle() {
            return new FileStateHandle(new org.apache.flink.core.fs.Path(path), length);
        }

        @Override
        public void close() {}
    }
}
