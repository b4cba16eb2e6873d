package io.dualwrite.flink;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;

/**
 * Unpacks the jar's library into a file under a name that no other process or class loader uses:
 * the JVM takes two loads of one path for the same library. Checks the jar's checksum, which Java
 * does not when it reads a resource.
 */
final class LibraryFile {

    private static final int COPY_BYTES = 64 * 1024;

    private LibraryFile() {}

    /** The caller deletes the file. On failure nothing is left. */
    static Path unpack(URL resource, Path directory) throws IOException {
        final Path file = Files.createTempFile(directory, "flink-dualwrite-", ".so");
        try {
            copy(resource, file);
            return file;
        } catch (Throwable t) {
            delete(file);
            throw t;
        }
    }

    /** Whatever the file system says: a file left behind harms nothing. */
    static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException ignored) {
            // a temporary directory is cleaned by its owner
        }
    }

    private static void copy(URL resource, Path file) throws IOException {
        final URLConnection connection = resource.openConnection();
        // else the jar stays open behind the class loader's back
        connection.setUseCaches(false);
        try (CheckedInputStream in =
                        new CheckedInputStream(connection.getInputStream(), new CRC32());
                OutputStream out = Files.newOutputStream(file)) {
            transfer(in, out);
            checkSum(connection, in.getChecksum().getValue());
        }
    }

    private static void transfer(InputStream in, OutputStream out) throws IOException {
        final byte[] buffer = new byte[COPY_BYTES];
        int read = in.read(buffer);
        while (read >= 0) {
            out.write(buffer, 0, read);
            read = in.read(buffer);
        }
    }

    private static void checkSum(URLConnection connection, long found) throws IOException {
        if (connection instanceof JarURLConnection) {
            final ZipEntry entry = ((JarURLConnection) connection).getJarEntry();
            if (entry.getCrc() >= 0 && entry.getCrc() != found) {
                throw new IOException("the library in the jar is damaged; replace the jar");
            }
        }
    }
}
