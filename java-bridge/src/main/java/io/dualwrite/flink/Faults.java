package io.dualwrite.flink;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says each thing once per process, however many subtasks run into it, and swallows what must not
 * reach Flink. Never throws.
 */
final class Faults {

    /** How many different things are said at most; a process that has that many has said enough. */
    private static final int SAID_MAX_MESSAGES = 256;

    private static final Logger LOG = LoggerFactory.getLogger("io.dualwrite.flink");
    private static final Set<String> SAID = ConcurrentHashMap.newKeySet();

    private Faults() {}

    /** Loads this class now, so that reporting does not depend on the jar being there later. */
    static void prepare() {}

    static void infoOnce(String message) {
        if (first(message)) {
            LOG.info(message);
        }
    }

    static void warnOnce(String message) {
        if (first(message)) {
            LOG.warn(message);
        }
    }

    static void errorOnce(String message) {
        if (first(message)) {
            LOG.error(message);
        }
    }

    /** An error of our own, which was caught where it happened: said once per place and kind. */
    static void report(String doing, Throwable t) {
        try {
            if (first(doing + t.getClass().getName())) {
                LOG.warn("{} failed; the primary is not affected, the secondary may be.", doing, t);
            }
        } catch (Throwable ignored) {
            // nothing is left to be done, and nothing may reach Flink
        }
    }

    /** Forgets what was said; for tests. */
    static void forget() {
        SAID.clear();
    }

    private static boolean first(String message) {
        return SAID.size() < SAID_MAX_MESSAGES && SAID.add(message);
    }
}
