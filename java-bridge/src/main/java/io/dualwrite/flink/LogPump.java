package io.dualwrite.flink;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries the native library's log lines into SLF4J, and stops the library with the JVM. Polls from
 * threads of its own, so that no native thread ever calls into Java. Ends silently on any failure.
 * At the JVM's end Log4j may stop first, by a hook of its own: then the last lines are lost.
 */
final class LogPump {

    private static final long POLL_TIMEOUT_MS = 250;
    private static final long LAST_POLL_WAIT_MS = 2 * POLL_TIMEOUT_MS;
    private static final int POLL_MAX_LINES = 256;

    /**
     * So many times the log is polled at the end; a library that still logs then is not waited for.
     */
    private static final int LAST_POLLS_MAX = 64;

    private final Native bridge;
    private final long shutdownTimeoutMs;
    private final Thread polling = thread(this::run, "flink-dualwrite-log");
    private volatile boolean stopping;

    LogPump(Native bridge, long shutdownTimeoutMs) {
        this.bridge = bridge;
        this.shutdownTimeoutMs = shutdownTimeoutMs;
    }

    /** Starts the polling thread and registers the shutdown hook. */
    void start() {
        Runtime.getRuntime().addShutdownHook(thread(this::stop, "flink-dualwrite-shutdown"));
        polling.start();
    }

    /** Polls until stopped. */
    void run() {
        try {
            while (!stopping) {
                final String[] lines = bridge.pollLog(POLL_TIMEOUT_MS, POLL_MAX_LINES);
                writeAll(lines);
                if (lines == null) {
                    // a failure does not wait
                    Thread.sleep(POLL_TIMEOUT_MS);
                }
            }
        } catch (Throwable ignored) {
            // without the log's thread, everything else goes on
        }
    }

    /** Stops the library within its time, then writes what it had to say. */
    void stop() {
        try {
            bridge.shutdown(shutdownTimeoutMs);
            stopping = true;
            // what the other thread has taken from the library it shall write before the JVM ends
            polling.join(LAST_POLL_WAIT_MS);
            boolean more = true;
            for (int polls = 0; more && polls < LAST_POLLS_MAX; polls++) {
                more = writeAll(bridge.pollLog(0, POLL_MAX_LINES));
            }
        } catch (Throwable ignored) {
            // the JVM ends
        }
    }

    private static boolean writeAll(String[] lines) {
        if (lines == null) {
            return false;
        }
        for (String line : lines) {
            write(line);
        }
        return lines.length > 0;
    }

    private static void write(String line) {
        final String[] parts = line.split("\t", 3);
        if (parts.length < 3) {
            LoggerFactory.getLogger("io.dualwrite").info(line);
            return;
        }
        final Logger log = LoggerFactory.getLogger(parts[1]);
        switch (parts[0]) {
            case "ERROR":
                log.error(parts[2]);
                break;
            case "WARN":
                log.warn(parts[2]);
                break;
            case "DEBUG":
                log.debug(parts[2]);
                break;
            case "TRACE":
                log.trace(parts[2]);
                break;
            default:
                log.info(parts[2]);
        }
    }

    /** A thread that holds on to no job's class loader. */
    static Thread thread(Runnable what, String name) {
        final Thread thread = new Thread(what, name);
        thread.setDaemon(true);
        thread.setContextClassLoader(LogPump.class.getClassLoader());
        return thread;
    }
}
