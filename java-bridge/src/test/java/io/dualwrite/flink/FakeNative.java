package io.dualwrite.flink;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The native library's contract in memory. A buffer that was given up is filled with a poison, so
 * that a byte put into it afterwards shows. Breaking the contract throws, which the wrappers would
 * swallow; so it is remembered, too.
 */
final class FakeNative implements Native {

    private static final byte POISON = 0x5a;

    static final class Session {
        int scope;
        long checkpointId;
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ByteBuffer chunk;
        boolean abandoned;
        boolean discarded;
        boolean sealed;
    }

    record Seal(long job, long session, String path, long stateSize) {}

    record Offer(long job, long checkpointId, long triggeredAtMs, String pointer, byte[] bytes) {}

    final List<Session> sessions = new ArrayList<>();
    final List<Seal> seals = new ArrayList<>();
    final List<Offer> offers = new ArrayList<>();
    final List<List<String>> jobs = new ArrayList<>();
    final List<String> breaches = new ArrayList<>();
    final BlockingQueue<String> log = new LinkedBlockingQueue<>();

    /** Whether polling the log fails as a native method does: at once, with the default. */
    volatile boolean pollsFail;

    /** What is told of numbers. */
    volatile String numbers = "";

    /** How often the log was polled. */
    final AtomicInteger polls = new AtomicInteger();

    private final List<ByteBuffer> givenUp = new ArrayList<>();

    int chunkBytes = 1024;
    int leasesLeft = Integer.MAX_VALUE;
    boolean refuseJobs;
    boolean refuseSessions;
    Error failure;
    String version = "0.1.0";
    long shutdownTimeoutMs = -1;

    @Override
    public String version() {
        failIfAsked();
        return version;
    }

    @Override
    public synchronized long openJob(String[] settings) {
        failIfAsked();
        jobs.add(Arrays.asList(settings));
        return refuseJobs ? NONE : 1000 + jobs.size();
    }

    @Override
    public synchronized long openSession(long job, int scope, long checkpointId) {
        failIfAsked();
        if (refuseSessions) {
            return NONE;
        }
        final Session session = new Session();
        session.scope = scope;
        session.checkpointId = checkpointId;
        sessions.add(session);
        return sessions.size();
    }

    @Override
    public synchronized ByteBuffer lease(long handle) {
        failIfAsked();
        return next(live(handle, "lease"));
    }

    @Override
    public synchronized ByteBuffer handOver(long handle, int length) {
        failIfAsked();
        final Session session = live(handle, "handOver");
        takeIn(session, length);
        return next(session);
    }

    @Override
    public synchronized void seal(long job, long handle, int tail, String path, long stateSize) {
        if (handle != NONE) {
            final Session session = live(handle, "seal");
            takeIn(session, tail);
            session.sealed = true;
        }
        seals.add(new Seal(job, handle, path, stateSize));
        failIfAsked();
    }

    @Override
    public synchronized void discard(long handle) {
        if (handle != NONE) {
            final Session session = sessions.get((int) handle - 1);
            takeIn(session, 0);
            session.discarded = true;
        }
        failIfAsked();
    }

    @Override
    public synchronized boolean offerMetadata(
            long job, long checkpointId, long triggeredAtMs, String pointer, byte[] bytes, int n) {
        failIfAsked();
        offers.add(new Offer(job, checkpointId, triggeredAtMs, pointer, Arrays.copyOf(bytes, n)));
        return true;
    }

    @Override
    public String[] pollLog(long timeoutMs, int max) {
        failIfAsked();
        polls.incrementAndGet();
        if (pollsFail) {
            return null;
        }
        try {
            final String line = log.poll(timeoutMs, TimeUnit.MILLISECONDS);
            return line == null ? new String[0] : new String[] {line};
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public String numbers() {
        failIfAsked();
        return numbers;
    }

    @Override
    public void shutdown(long timeoutMs) {
        shutdownTimeoutMs = timeoutMs;
        failIfAsked();
    }

    /** The bytes of the only session. */
    synchronized byte[] bytes() {
        assertThat(sessions).hasSize(1);
        return sessions.get(0).bytes.toByteArray();
    }

    synchronized void assertContractKept() {
        assertThat(breaches).isEmpty();
        for (ByteBuffer buffer : givenUp) {
            for (int i = 0; i < buffer.capacity(); i++) {
                assertThat(buffer.get(i))
                        .as("a byte put after the chunk was given up")
                        .isEqualTo(POISON);
            }
        }
    }

    private void failIfAsked() {
        if (failure != null) {
            throw failure;
        }
    }

    private Session live(long handle, String what) {
        final Session session = sessions.get((int) handle - 1);
        if (session.sealed || session.discarded || (session.abandoned && !what.equals("seal"))) {
            breaches.add(what + " of an ended session");
            throw new IllegalStateException(what);
        }
        return session;
    }

    private ByteBuffer next(Session session) {
        if (leasesLeft == 0) {
            session.abandoned = true;
            return null;
        }
        leasesLeft--;
        session.chunk = ByteBuffer.allocateDirect(chunkBytes);
        return session.chunk;
    }

    private void takeIn(Session session, int length) {
        final ByteBuffer chunk = session.chunk;
        session.chunk = null;
        if (chunk == null) {
            if (length != 0) {
                breaches.add(length + " bytes of no chunk");
            }
            return;
        }
        for (int i = 0; i < length; i++) {
            session.bytes.write(chunk.get(i));
        }
        for (int i = 0; i < chunk.capacity(); i++) {
            chunk.put(i, POISON);
        }
        givenUp.add(chunk);
    }
}
