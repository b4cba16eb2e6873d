package io.dualwrite.flink;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import org.apache.flink.configuration.Configuration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Where the library is loaded from, and that one which cannot be loaded costs one line of the log
 * and nothing else.
 */
class NativeLibraryTest {

    private static final String GUARD = "io.dualwrite.flink.test.library";

    @TempDir Path dir;

    private final FakeNative linked = new FakeNative();
    private final Configuration config = new Configuration();
    private final LogCapture log = new LogCapture();
    private byte[] real;

    @BeforeEach
    void directories() throws IOException {
        real = Files.readAllBytes(TestLibrary.realLibrary());
        for (String name : List.of("own", "flink1", "flink2")) {
            Files.createDirectory(dir.resolve(name));
        }
        config.setString("dualwrite.native.dir", dir.resolve("own").toString());
        config.setString("io.tmp.dirs", dir.resolve("flink1") + "," + dir.resolve("flink2"));
    }

    @AfterEach
    void nothingIsLeft() throws IOException {
        System.clearProperty(GUARD);
        log.close();
        for (String name : List.of("own", "flink1", "flink2")) {
            try (Stream<Path> left = Files.list(dir.resolve(name))) {
                assertThat(left).isEmpty();
            }
        }
    }

    private void assertRefused(NativeLibrary library, String... reasons) {
        assertThat(library.numbers()).isNull();
        assertThat(library.load(config)).isNull();
        assertThat(library.load(config)).isNull();
        assertThat(library.numbers()).isEqualTo("library_loaded\t0\n");
        assertThat(log.lines)
                .hasSize(1)
                .first()
                .asString()
                .startsWith("WARN Checkpoints are not copied, the native library is not loaded")
                .contains(reasons);
        assertThat(System.getProperty(GUARD)).isNull();
    }

    /** With a file as the jar's resource, loaded by the JVM itself. */
    private NativeLibrary of(byte[] library) throws IOException {
        final Path file = dir.resolve("library.so");
        Files.write(file, library);
        return new NativeLibrary(
                new LinkedNative(), path -> System.load(path), file.toUri().toURL(), GUARD);
    }

    @Test
    void isLoadedOnceFromTheFirstDirectoryThatServes() {
        final TestLibrary library = TestLibrary.loadable(linked, dir);
        assertThat(library.library().load(config)).isSameAs(linked);
        assertThat(library.library().load(config)).isSameAs(linked);
        assertThat(library.library().numbers()).isSameAs(linked.numbers);
        assertThat(library.loads()).hasSize(1);
        assertThat(library.loads().get(0).getParent()).isEqualTo(dir.resolve("own"));
        assertThat(log.lines).isEmpty();
        library.forget();
    }

    @Test
    void everyDirectoryIsTriedInTurn() throws IOException {
        final Path resource = dir.resolve("resource.so");
        Files.write(resource, real);
        config.setString("dualwrite.native.dir", dir.resolve("absent").toString());
        final NativeLibrary library =
                new NativeLibrary(
                        linked,
                        path -> {
                            if (path.contains("flink1")) {
                                throw new UnsatisfiedLinkError("failed to map segment");
                            }
                        },
                        resource.toUri().toURL(),
                        GUARD);
        assertThat(library.load(config)).isSameAs(linked);
        assertThat(log.lines).isEmpty();
        System.clearProperty(GUARD);

        final NativeLibrary noneServes =
                new NativeLibrary(
                        linked,
                        path -> {
                            throw new UnsatisfiedLinkError("failed to map segment");
                        },
                        resource.toUri().toURL(),
                        GUARD);
        assertRefused(
                noneServes,
                "absent: java.nio.file.NoSuchFileException",
                "flink1: java.lang.UnsatisfiedLinkError: failed to map segment",
                "flink2: ",
                System.getProperty("java.io.tmpdir"));
    }

    @Test
    void aFileOfTheConfigurationIsLoadedInPlace() {
        final TestLibrary library = TestLibrary.loadable(linked, dir);
        config.setString("dualwrite.native.path", TestLibrary.realLibrary().toString());
        assertThat(library.library().load(config)).isSameAs(linked);
        assertThat(library.loads()).containsExactly(TestLibrary.realLibrary());
        assertThat(TestLibrary.realLibrary()).exists();
        library.forget();
    }

    @Test
    void aTruncatedLibraryIsRefused() throws IOException {
        assertRefused(of(Arrays.copyOf(real, real.length / 2)), "it is truncated");
    }

    @Test
    void aTruncatedFileOfTheConfigurationIsRefused() throws IOException {
        final Path half = dir.resolve("half.so");
        Files.write(half, Arrays.copyOf(real, real.length / 2));
        config.setString("dualwrite.native.path", half.toString());
        assertRefused(of(real), "it is truncated");
    }

    /** The JVM dies of most of them, so each length is asked of the check alone. */
    @Test
    void everyTruncationIsFoundBeforeTheJvmMapsIt() throws IOException {
        final Path file = dir.resolve("part.so");
        final int machine = real[18] & 0xff;
        for (int length = 0; length < real.length; length += 1 + length / 16) {
            Files.write(file, Arrays.copyOf(real, length));
            assertThat(refusal(file, machine)).as("%d bytes", length).isNotNull();
        }
        Files.write(file, Arrays.copyOf(real, real.length - 1));
        assertThat(refusal(file, machine)).isNotNull();
        Files.write(file, real);
        assertThat(refusal(file, machine)).isNull();
    }

    private static String refusal(Path file, int machine) {
        try {
            ElfFile.check(file, machine);
            return null;
        } catch (IOException e) {
            return e.getMessage();
        }
    }

    @Test
    void aLibraryForAnotherProcessorIsRefused() throws IOException {
        final byte[] foreign = real.clone();
        foreign[18] = (byte) 243;
        assertRefused(of(foreign), "its ELF machine is 243");
    }

    @Test
    void whatIsNoLibraryIsRefused() throws IOException {
        assertRefused(of("#!/bin/sh\n".repeat(20).getBytes(StandardCharsets.UTF_8)), "ELF file");
    }

    @Test
    void aLibraryWithoutOurEntriesIsRefused() throws IOException {
        assertRefused(of(real), "UnsatisfiedLinkError", "version");
    }

    @Test
    void aLibraryOfAnotherVersionIsRefused() {
        linked.version = "0.0.9";
        final TestLibrary library = TestLibrary.loadable(linked, dir);
        assertRefused(library.library(), "its version is 0.0.9, the jar's is 0.1.0");
    }

    @Test
    void aSecondCopyOfTheJarIsRefused() throws IOException {
        System.setProperty(GUARD, "app");
        assertThat(of(real).load(config)).isNull();
        assertThat(log.lines).hasSize(1).first().asString().startsWith("WARN").contains("in app");
        assertThat(System.getProperty(GUARD)).isEqualTo("app");
    }

    @Test
    void aDamagedJarIsRefused() throws IOException {
        final Path jar = dir.resolve("test.jar");
        try (OutputStream file = Files.newOutputStream(jar);
                JarOutputStream out = new JarOutputStream(file)) {
            final CRC32 crc = new CRC32();
            crc.update(real);
            final ZipEntry entry = new ZipEntry("library.so");
            entry.setMethod(ZipEntry.STORED);
            entry.setSize(real.length);
            entry.setCrc(crc.getValue());
            out.putNextEntry(entry);
            out.write(real);
            out.closeEntry();
        }
        final URL resource = URI.create("jar:" + jar.toUri() + "!/library.so").toURL();
        assertThat(new NativeLibrary(linked, path -> {}, resource, GUARD).load(config))
                .isSameAs(linked);
        System.clearProperty(GUARD);

        final byte[] bytes = Files.readAllBytes(jar);
        bytes[bytes.length / 2] ^= 1;
        Files.write(jar, bytes);
        assertRefused(new NativeLibrary(linked, path -> {}, resource, GUARD), "is damaged");
    }
}
