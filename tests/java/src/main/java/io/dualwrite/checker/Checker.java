package io.dualwrite.checker;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ArrayNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.io.IOUtils;

/**
 * Says of every {@code _metadata} on a cluster whether each file that it names is there with its
 * length. Reads {@code check <root URI>} from standard input, a line at a time, and answers each
 * with one line of JSON. Only reads; decides nothing.
 *
 * <p>A checkpoint may be retired while it is looked at: its {@code _metadata} goes first, its files
 * after. So a missing file counts only if the same {@code _metadata} is still there afterwards. A
 * {@code _metadata} that is still being written is reported as unfinished and not read.
 */
public final class Checker {

    private static final String METADATA = "_metadata";

    private final ObjectMapper json = new ObjectMapper();
    private final Map<URI, FileSystem> clusters = new HashMap<>();

    private Checker() {}

    /** Serves until standard input ends. */
    public static void main(String[] args) throws IOException {
        PrintStream answers = System.out;
        // Whatever else in this JVM prints must not mix with the answers.
        System.setOut(System.err);
        Checker checker = new Checker();
        BufferedReader commands =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            answers.println(checker.answer(line));
            answers.flush();
        }
    }

    private ObjectNode answer(String command) {
        ObjectNode answer = json.createObjectNode();
        try {
            if (!command.startsWith("check ")) {
                throw new IllegalArgumentException("say: check <root URI>");
            }
            Path root = new Path(command.substring("check ".length()).trim());
            // Of a cluster as a whole: "hdfs://host:port" is not yet the path of a directory.
            check(root.toUri().getPath().isEmpty() ? new Path(root, "/") : root, answer);
        } catch (Exception e) {
            e.printStackTrace();
            answer.put("error", e.toString());
        }
        return answer;
    }

    private void check(Path root, ObjectNode answer) throws Exception {
        FileSystem cluster = cluster(root);
        Map<Path, Long> listed = new HashMap<>();
        Map<Path, FileStatus> found = new TreeMap<>();
        try {
            RemoteIterator<LocatedFileStatus> files = cluster.listFiles(root, true);
            while (files.hasNext()) {
                FileStatus file = files.next();
                listed.put(file.getPath(), file.getLen());
                if (file.getPath().getName().equals(METADATA)) {
                    found.put(file.getPath(), file);
                }
            }
        } catch (FileNotFoundException e) {
            // Nothing there yet, or a directory retired under the listing: what was seen counts.
        }
        ArrayNode checkpoints = answer.putArray("checkpoints");
        for (FileStatus metadata : found.values()) {
            ObjectNode checkpoint = json.createObjectNode();
            if (checkOne(cluster, metadata, listed, checkpoint)) {
                checkpoints.add(checkpoint);
            }
        }
    }

    /** Whether the checkpoint is still there at the end of the look. */
    private boolean checkOne(
            FileSystem cluster, FileStatus metadata, Map<Path, Long> listed, ObjectNode result)
            throws IOException {
        Path path = metadata.getPath();
        result.put("path", path.getParent().toString());
        result.put("modified_ms", metadata.getModificationTime());
        ArrayNode findings = result.putArray("findings");
        boolean unfinished = !isClosed(cluster, path);
        result.put("unfinished", unfinished);
        if (unfinished) {
            return isSame(cluster, metadata) || cluster.exists(path);
        }
        Map<org.apache.flink.core.fs.Path, References.Expected> references;
        try {
            references = references(cluster, metadata);
        } catch (FileNotFoundException e) {
            return false;
        } catch (Exception e) {
            finding(findings, "unreadable", path.toString(), e.toString());
            return isSame(cluster, metadata);
        }
        long bytes = 0;
        for (Map.Entry<org.apache.flink.core.fs.Path, References.Expected> entry :
                references.entrySet()) {
            bytes += entry.getValue().length;
            checkFile(
                    cluster, new Path(entry.getKey().toUri()), entry.getValue(), listed, findings);
        }
        result.put("files", references.size());
        result.put("bytes", bytes);
        return findings.isEmpty() || isSame(cluster, metadata);
    }

    private Map<org.apache.flink.core.fs.Path, References.Expected> references(
            FileSystem cluster, FileStatus metadata) throws Exception {
        byte[] bytes = new byte[(int) metadata.getLen()];
        try (java.io.InputStream in = cluster.open(metadata.getPath())) {
            IOUtils.readFully(in, bytes, 0, bytes.length);
        }
        return References.of(
                Checkpoints.loadCheckpointMetadata(
                        new DataInputStream(new ByteArrayInputStream(bytes)),
                        Checker.class.getClassLoader(),
                        metadata.getPath().getParent().toString()));
    }

    private void checkFile(
            FileSystem cluster,
            Path named,
            References.Expected expected,
            Map<Path, Long> listed,
            ArrayNode findings)
            throws IOException {
        Path path = cluster.makeQualified(new Path(named.toUri().getPath()));
        boolean relative = named.toUri().getScheme() == null;
        if (!relative && !named.equals(path)) {
            finding(findings, "foreign", named.toString(), "names another cluster");
            return;
        }
        Long length = listed.get(path);
        if (length == null || !fits(length, expected)) {
            length = length(cluster, path);
        }
        if (length == null) {
            finding(findings, "missing", path.toString(), expected.length + " bytes expected");
        } else if (!fits(length, expected)) {
            String message = length + " bytes instead of " + expected.length;
            finding(findings, "length", path.toString(), message);
        }
    }

    private static boolean fits(long length, References.Expected expected) {
        return expected.exact ? length == expected.length : length >= expected.length;
    }

    private static Long length(FileSystem cluster, Path path) throws IOException {
        try {
            return cluster.getFileStatus(path).getLen();
        } catch (FileNotFoundException e) {
            return null;
        }
    }

    private static boolean isSame(FileSystem cluster, FileStatus metadata) throws IOException {
        try {
            FileStatus now = cluster.getFileStatus(metadata.getPath());
            return now.getModificationTime() == metadata.getModificationTime()
                    && now.getLen() == metadata.getLen();
        } catch (FileNotFoundException e) {
            return false;
        }
    }

    private static boolean isClosed(FileSystem cluster, Path path) throws IOException {
        try {
            return !(cluster instanceof DistributedFileSystem)
                    || ((DistributedFileSystem) cluster).isFileClosed(path);
        } catch (FileNotFoundException e) {
            return true;
        }
    }

    private static void finding(ArrayNode findings, String kind, String path, String message) {
        findings.addObject().put("kind", kind).put("path", path).put("message", message);
    }

    /** One client for each cluster, giving up sooner on a dead one than Hadoop would. */
    private FileSystem cluster(Path root) throws IOException {
        URI uri = root.toUri().resolve("/");
        FileSystem known = clusters.get(uri);
        if (known == null) {
            Configuration configuration = new Configuration();
            configuration.set("ipc.client.connect.max.retries", "2");
            configuration.set("ipc.client.connect.retry.interval", "200");
            configuration.set("ipc.client.rpc-timeout.ms", "20000");
            // A connection from before a NameNode's restart breaks once.
            configuration.set("dfs.client.retry.policy.enabled", "true");
            configuration.set("dfs.client.retry.policy.spec", "200,2");
            // Of two DataNodes one may be frozen.
            configuration.set("dfs.client.socket-timeout", "3000");
            known = FileSystem.newInstance(uri, configuration);
            clusters.put(uri, known);
        }
        return known;
    }
}
