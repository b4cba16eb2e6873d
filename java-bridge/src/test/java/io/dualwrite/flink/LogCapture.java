package io.dualwrite.flink;

import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.Logger;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Property;

/**
 * What is logged under io.dualwrite while this is open, as "LEVEL message"; what was said before
 * counts as unsaid.
 */
final class LogCapture implements AutoCloseable {

    private final Logger logger = (Logger) LogManager.getLogger("io.dualwrite");
    final BlockingQueue<String> lines = new LinkedBlockingQueue<>();

    private final AbstractAppender appender =
            new AbstractAppender("capture", null, null, true, Property.EMPTY_ARRAY) {
                @Override
                public void append(LogEvent event) {
                    lines.add(event.getLevel() + " " + event.getMessage().getFormattedMessage());
                }
            };

    LogCapture() {
        Faults.forget();
        appender.start();
        logger.addAppender(appender);
    }

    List<String> atLeast(String level) {
        return lines.stream().filter(line -> line.startsWith(level)).toList();
    }

    @Override
    public void close() {
        logger.removeAppender(appender);
    }
}
