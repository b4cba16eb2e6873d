package io.dualwrite.testjob;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * The numbers 0 to {@code records - 1}, in order: a burst of them at once, then at a limited rate,
 * which a file may change at any time; after a restore it goes on where its split stood. It has one
 * split, so it runs with parallelism 1.
 */
final class PacedSource implements Source<Long, PacedSplit, PacedSplit> {

    private final long records;
    private final long burst;
    private final long recordsPerSecond;
    private final String pace;

    /**
     * @param burst how many of the first records the limit does not concern
     * @param recordsPerSecond the limit as long as the file is not there
     * @param pace the file whose number is the limit once it is there, and that ends the limit if
     *     it is empty; null for none
     */
    PacedSource(long records, long burst, long recordsPerSecond, String pace) {
        this.records = records;
        this.burst = burst;
        this.recordsPerSecond = recordsPerSecond;
        this.pace = pace;
    }

    @Override
    public Boundedness getBoundedness() {
        return Boundedness.BOUNDED;
    }

    @Override
    public SourceReader<Long, PacedSplit> createReader(SourceReaderContext context) {
        return new Reader(context, this);
    }

    @Override
    public SplitEnumerator<PacedSplit, PacedSplit> createEnumerator(
            SplitEnumeratorContext<PacedSplit> context) {
        return new Enumerator(context, new PacedSplit(0));
    }

    @Override
    public SplitEnumerator<PacedSplit, PacedSplit> restoreEnumerator(
            SplitEnumeratorContext<PacedSplit> context, PacedSplit unassigned) {
        return new Enumerator(context, unassigned);
    }

    @Override
    public SimpleVersionedSerializer<PacedSplit> getSplitSerializer() {
        return new PacedSplit.Serializer();
    }

    @Override
    public SimpleVersionedSerializer<PacedSplit> getEnumeratorCheckpointSerializer() {
        return new PacedSplit.Serializer();
    }

    /** Holds the split until the reader asks for it, and again when the reader has failed. */
    private static final class Enumerator implements SplitEnumerator<PacedSplit, PacedSplit> {

        private final SplitEnumeratorContext<PacedSplit> context;
        private PacedSplit unassigned;

        Enumerator(SplitEnumeratorContext<PacedSplit> context, PacedSplit unassigned) {
            this.context = context;
            this.unassigned = unassigned;
        }

        @Override
        public void start() {}

        @Override
        public void handleSplitRequest(int subtask, String host) {
            if (!unassigned.isAssigned()) {
                context.assignSplit(unassigned, subtask);
                unassigned = PacedSplit.ASSIGNED;
            }
            context.signalNoMoreSplits(subtask);
        }

        @Override
        public void addSplitsBack(List<PacedSplit> splits, int subtask) {
            for (PacedSplit split : splits) {
                unassigned = split;
            }
        }

        @Override
        public void addReader(int subtask) {}

        @Override
        public PacedSplit snapshotState(long checkpointId) {
            return unassigned;
        }

        @Override
        public void close() {}
    }

    /** Emits what the rate allows since it started. All methods run in the task's thread. */
    private static final class Reader implements SourceReader<Long, PacedSplit> {

        private static final long PAUSE_MILLIS = 5;

        /** Between two looks at the file. */
        private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

        private final SourceReaderContext context;
        private final PacedSource source;
        private final ScheduledExecutorService clock =
                Executors.newSingleThreadScheduledExecutor(
                        task -> {
                            Thread thread = new Thread(task, "paced-source");
                            thread.setDaemon(true);
                            return thread;
                        });
        private final List<PacedSplit> splits = new ArrayList<>();
        private CompletableFuture<Void> pause = CompletableFuture.completedFuture(null);
        private final Path pace;
        private boolean noMoreSplits;
        private long next;
        private long first;
        private long startNanos;
        private long recordsPerSecond;
        private long lookNanos = System.nanoTime() - LOOK_NANOS;

        Reader(SourceReaderContext context, PacedSource source) {
            this.context = context;
            this.source = source;
            this.pace = source.pace == null ? null : Paths.get(source.pace);
            this.recordsPerSecond = source.recordsPerSecond;
        }

        @Override
        public void start() {
            context.sendSplitRequest();
        }

        @Override
        public InputStatus pollNext(ReaderOutput<Long> output) throws IOException {
            if (splits.isEmpty()) {
                return noMoreSplits ? InputStatus.END_OF_INPUT : InputStatus.NOTHING_AVAILABLE;
            }
            if (next >= source.records) {
                return InputStatus.END_OF_INPUT;
            }
            if (next < source.burst) {
                startPace(next + 1);
            } else if (isAhead()) {
                return InputStatus.NOTHING_AVAILABLE;
            }
            output.collect(next++);
            return InputStatus.MORE_AVAILABLE;
        }

        private void startPace(long from) {
            first = from;
            startNanos = System.nanoTime();
        }

        private boolean isAhead() throws IOException {
            long now = System.nanoTime();
            if (now - lookNanos >= LOOK_NANOS) {
                lookNanos = now;
                long limit = limit();
                if (limit != recordsPerSecond) {
                    recordsPerSecond = limit;
                    startPace(next);
                }
            }
            return next - first >= (now - startNanos) / 1e9 * recordsPerSecond;
        }

        private long limit() throws IOException {
            if (pace == null || !Files.exists(pace)) {
                return source.recordsPerSecond;
            }
            String number = new String(Files.readAllBytes(pace), StandardCharsets.US_ASCII);
            return number.isEmpty() ? Long.MAX_VALUE : Long.parseLong(number);
        }

        @Override
        public CompletableFuture<Void> isAvailable() {
            if (pause.isDone()) {
                CompletableFuture<Void> later = new CompletableFuture<>();
                clock.schedule(() -> later.complete(null), PAUSE_MILLIS, TimeUnit.MILLISECONDS);
                pause = later;
            }
            return pause;
        }

        @Override
        public List<PacedSplit> snapshotState(long checkpointId) {
            return splits.isEmpty()
                    ? Collections.emptyList()
                    : Collections.singletonList(new PacedSplit(next));
        }

        @Override
        public void addSplits(List<PacedSplit> added) {
            splits.addAll(added);
            next = splits.get(0).next();
            startPace(next);
        }

        @Override
        public void notifyNoMoreSplits() {
            noMoreSplits = true;
        }

        @Override
        public void close() {
            clock.shutdownNow();
        }
    }
}
