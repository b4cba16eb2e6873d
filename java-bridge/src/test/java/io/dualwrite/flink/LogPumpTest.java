package io.dualwrite.flink;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The way of the library's lines into SLF4J, while it runs and when the JVM stops. */
class LogPumpTest {

    private final FakeNative library = new FakeNative();
    private final LogPump pump = new LogPump(library, 1234);

    @Test
    void linesComeThroughAtTheirLevelsUntilTheLibraryFails() throws InterruptedException {
        try (LogCapture log = new LogCapture()) {
            library.log.add("ERROR\tio.dualwrite.store\tno answer\tfrom b");
            library.log.add("DEBUG\tio.dualwrite.replicator\tsealed");
            library.log.add("without any form");
            final Thread polling = new Thread(pump::run);
            polling.start();
            assertThat(log.lines.poll(20, TimeUnit.SECONDS)).isEqualTo("ERROR no answer\tfrom b");
            assertThat(log.lines.poll(20, TimeUnit.SECONDS)).isEqualTo("DEBUG sealed");
            assertThat(log.lines.poll(20, TimeUnit.SECONDS)).isEqualTo("INFO without any form");
            library.failure = new UnsatisfiedLinkError("gone");
            polling.join(20_000);
            assertThat(polling.isAlive()).isFalse();
            assertThat(log.lines).isEmpty();
        }
    }

    /** A native method that fails does not wait: the thread then asked as fast as it could. */
    @Test
    void polledNoFasterWhenItFailsAndGoesOnAfterwards() throws InterruptedException {
        try (LogCapture log = new LogCapture()) {
            library.pollsFail = true;
            final Thread polling = new Thread(pump::run);
            polling.start();
            Thread.sleep(600);
            assertThat(library.polls.get()).isBetween(1, 4);
            library.pollsFail = false;
            library.log.add("INFO\tio.dualwrite\tthere again");
            assertThat(log.lines.poll(20, TimeUnit.SECONDS)).isEqualTo("INFO there again");
            library.failure = new UnsatisfiedLinkError("gone");
            polling.join(20_000);
            assertThat(polling.isAlive()).isFalse();
        }
    }

    @Test
    void stoppingShutsTheLibraryDownAndWritesWhatItHadToSay() {
        try (LogCapture log = new LogCapture()) {
            library.log.add("WARN\tio.dualwrite.replicator\t3 files left");
            library.log.add("INFO\tio.dualwrite.replicator\tstopped");
            pump.stop();
            assertThat(library.shutdownTimeoutMs).isEqualTo(1234);
            assertThat(log.lines).containsExactly("WARN 3 files left", "INFO stopped");
            pump.run();
        }
    }

    @Test
    void aLibraryThatNeverStopsLoggingIsNotWaitedFor() {
        for (int i = 0; i < 1000; i++) {
            library.log.add("TRACE\tio.dualwrite\tmore");
        }
        pump.stop();
        assertThat(library.log).isNotEmpty();
    }
}
