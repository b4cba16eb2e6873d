package io.dualwrite.flink;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A {@link NativeLibrary} that loads one of the JDK's own shared libraries as the jar's, and
 * remembers from where.
 */
record TestLibrary(NativeLibrary library, String guardProperty, List<Path> loads) {

    private static final AtomicInteger GUARDS = new AtomicInteger();

    /** A real shared library for this machine. */
    static Path realLibrary() {
        return Path.of(System.getProperty("java.home"), "lib", "libzip.so");
    }

    static TestLibrary loadable(FakeNative linked, Path dir) {
        try {
            final Path resource = dir.resolve("resource.so");
            Files.write(resource, Files.readAllBytes(realLibrary()));
            final String guard = "io.dualwrite.flink.test." + GUARDS.incrementAndGet();
            final List<Path> loads = new ArrayList<>();
            return new TestLibrary(
                    new NativeLibrary(
                            linked,
                            file -> loads.add(Path.of(file)),
                            resource.toUri().toURL(),
                            guard),
                    guard,
                    loads);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void forget() {
        System.clearProperty(guardProperty);
    }
}
