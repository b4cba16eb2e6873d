package io.dualwrite.flink;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.LinkedHashSet;
import java.util.Properties;
import java.util.Set;
import java.util.function.Consumer;
import javax.annotation.concurrent.GuardedBy;
import org.apache.flink.configuration.ReadableConfig;

/**
 * Loads the native library, once per process: the first configuration decides, and a failure stays
 * one. Never throws; a library that cannot be loaded costs one WARN. Refuses a second copy of this
 * jar in another class loader, and a library of another version than the jar's.
 */
final class NativeLibrary {

    private static final String GUARD = "io.dualwrite.flink.library";
    private static final String NOT_LOADED = "library_loaded\t0\n";

    /**
     * Loads by a lambda, not by a method reference: System.load looks at its caller's class loader.
     */
    private static final NativeLibrary OF_PROCESS =
            new NativeLibrary(new LinkedNative(), file -> System.load(file), resource(), GUARD);

    private final Native linked;
    private final Consumer<String> loader;
    private final URL resource;
    private final String guardProperty;

    @GuardedBy("this")
    private boolean tried;

    @GuardedBy("this")
    private Native loaded;

    /**
     * @param linked calls the library once it is loaded
     * @param loader loads a file by its absolute path
     * @param resource where the jar has the library, null if it has none
     * @param guardProperty the system property by which copies of this class know of each other
     */
    NativeLibrary(Native linked, Consumer<String> loader, URL resource, String guardProperty) {
        this.linked = linked;
        this.loader = loader;
        this.resource = resource;
        this.guardProperty = guardProperty;
    }

    static NativeLibrary ofProcess() {
        return OF_PROCESS;
    }

    /** The library, null if it cannot be loaded. */
    synchronized Native load(ReadableConfig config) {
        if (!tried) {
            tried = true;
            try {
                link(config);
                loaded = linked;
            } catch (Throwable t) {
                Faults.warnOnce(
                        "Checkpoints are not copied, the native library is not loaded: " + said(t));
            }
        }
        return loaded;
    }

    /** As {@link Native#numbers} tells them, or that it cannot be loaded; null before either. */
    String numbers() {
        final Native library;
        synchronized (this) {
            if (loaded == null) {
                return tried ? NOT_LOADED : null;
            }
            library = loaded;
        }
        return library.numbers();
    }

    private void link(ReadableConfig config) throws IOException, InvalidOptionException {
        final Object other =
                System.getProperties().putIfAbsent(guardProperty, String.valueOf(loaderOfThis()));
        if (other != null) {
            throw new IOException(
                    "another copy of this jar has loaded it, in "
                            + other
                            + ". Put the jar into lib/ alone, and not into a job's jar.");
        }
        boolean complete = false;
        try {
            loadFile(config);
            checkVersion();
            new LogPump(linked, config.get(DualWriteOptions.SHUTDOWN_TIMEOUT).toMillis()).start();
            complete = true;
        } finally {
            if (!complete) {
                System.clearProperty(guardProperty);
            }
        }
    }

    private void loadFile(ReadableConfig config) throws IOException, InvalidOptionException {
        final int machine = machine();
        final String override = config.get(DualWriteOptions.NATIVE_PATH);
        if (override != null) {
            loadFile(Paths.get(override), machine);
            return;
        }
        if (resource == null) {
            throw new IOException("this jar has none for " + platform() + '.');
        }
        final StringBuilder failures = new StringBuilder();
        for (Path directory : directories(config)) {
            try {
                loadUnpacked(directory, machine);
                return;
            } catch (IOException | UnsatisfiedLinkError e) {
                failures.append(" In ").append(directory).append(": ").append(said(e)).append('.');
            }
        }
        throw new IOException(
                "no directory served to unpack and load it (dualwrite.native.dir)." + failures);
    }

    private void loadUnpacked(Path directory, int machine) throws IOException {
        final Path file = LibraryFile.unpack(resource, directory);
        try {
            loadFile(file, machine);
        } finally {
            LibraryFile.delete(file);
        }
    }

    private void loadFile(Path file, int machine) throws IOException {
        ElfFile.check(file, machine);
        loader.accept(file.toAbsolutePath().toString());
    }

    private void checkVersion() throws IOException {
        final Properties build = new Properties();
        try (InputStream in = NativeLibrary.class.getResourceAsStream("build.properties")) {
            build.load(in);
        }
        final String wanted = build.getProperty("version");
        final String found = linked.version();
        if (!wanted.equals(found)) {
            throw new IOException(
                    "its version is " + found + ", the jar's is " + wanted + ". Use equal ones.");
        }
    }

    private static Set<Path> directories(ReadableConfig config) throws InvalidOptionException {
        final Set<Path> directories = new LinkedHashSet<>();
        DualWriteSettings.NATIVE_DIR.read(config).ifPresent(dir -> directories.add(Paths.get(dir)));
        for (String dir : DualWriteSettings.temporaryDirs(config)) {
            directories.add(Paths.get(dir));
        }
        directories.add(Paths.get(System.getProperty("java.io.tmpdir")));
        return directories;
    }

    /** ELF's number of this processor. */
    private static int machine() throws IOException {
        switch (platform()) {
            case "linux-x86_64":
                return 62;
            case "linux-aarch64":
                return 183;
            default:
                throw new IOException("there is none for " + platform() + '.');
        }
    }

    private static String platform() {
        final String arch = System.getProperty("os.arch");
        return System.getProperty("os.name").toLowerCase()
                + '-'
                + ("amd64".equals(arch) ? "x86_64" : arch);
    }

    private static URL resource() {
        return NativeLibrary.class.getResource(
                "/io/dualwrite/native/" + platform() + "/libflink_dualwrite.so");
    }

    private static ClassLoader loaderOfThis() {
        return NativeLibrary.class.getClassLoader();
    }

    private static String said(Throwable t) {
        return t instanceof IOException && t.getClass() == IOException.class
                ? t.getMessage()
                : t.toString();
    }
}
