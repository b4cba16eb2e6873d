package io.dualwrite.flink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The order of primary and tee, and every way in which a stream can end. */
class TeeOutputStreamTest {

    private static final long JOB = 7;

    private final FakeNative library = new FakeNative();
    private final ScriptedStream primary = new ScriptedStream();
    private final TeeOutputStream stream = tee(primary, library);

    private static TeeOutputStream tee(ScriptedStream primary, FakeNative library) {
        return new TeeOutputStream(
                primary, new TeeSession(library, JOB, Native.SCOPE_EXCLUSIVE, 3));
    }

    @AfterEach
    void contract() {
        library.assertContractKept();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 1024, 100_000})
    void whatIsTeedIsWhatWasWritten(int chunkBytes) throws IOException {
        library.chunkBytes = chunkBytes;
        final Random random = new Random(chunkBytes);
        final byte[] source = new byte[5000];
        random.nextBytes(source);
        for (int i = 0; i < 60; i++) {
            final int offset = random.nextInt(source.length);
            if (random.nextInt(3) == 0) {
                stream.write(source[offset]);
            } else {
                stream.write(source, offset, random.nextInt(source.length - offset + 1));
            }
            assertThat(stream.getPos()).isEqualTo(primary.bytes.size());
        }
        final StreamStateHandle handle = stream.closeAndGetHandle();
        assertThat(handle.getClass()).isEqualTo(FileStateHandle.class);
        assertThat(library.bytes()).isEqualTo(primary.bytes.toByteArray());
        assertThat(library.seals)
                .containsExactly(
                        new FakeNative.Seal(JOB, 1, "file:/primary/file", primary.bytes.size()));
    }

    @Test
    void aFullChunkIsHandedOverOnlyWhenMoreComes() throws IOException {
        library.leasesLeft = 2;
        stream.write(new byte[2 * library.chunkBytes]);
        stream.closeAndGetHandle();
        assertThat(library.sessions.get(0).abandoned).isFalse();
        assertThat(library.bytes()).hasSize(2 * library.chunkBytes);
    }

    @Test
    void nothingWrittenOpensNoSession() throws IOException {
        stream.flush();
        stream.write(new byte[0]);
        stream.close();
        assertThat(library.sessions).isEmpty();
        assertThat(library.seals).isEmpty();
    }

    @Test
    void aRefusedSessionStaysRefusedAndIsBackfilled() throws IOException {
        library.refuseSessions = true;
        stream.write(1);
        library.refuseSessions = false;
        stream.write(new byte[5000]);
        stream.closeAndGetHandle();
        assertThat(library.sessions).isEmpty();
        assertThat(library.seals)
                .containsExactly(new FakeNative.Seal(JOB, 0, "file:/primary/file", 5001));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void anAbandonedSessionStaysAbandonedAndIsBackfilled(int leases) throws IOException {
        library.leasesLeft = leases;
        stream.write(new byte[3 * library.chunkBytes]);
        library.leasesLeft = 10;
        stream.write(new byte[3 * library.chunkBytes]);
        stream.closeAndGetHandle();
        assertThat(library.bytes()).hasSize(leases * library.chunkBytes);
        assertThat(library.seals)
                .containsExactly(new FakeNative.Seal(JOB, 1, "file:/primary/file", 6144));
    }

    @Test
    void aFailingLibraryIsNotNoticedByThePrimary() throws IOException {
        try (LogCapture log = new LogCapture()) {
            library.failure = new UnsatisfiedLinkError("gone");
            stream.write(1);
            stream.write(new byte[5000]);
            stream.flush();
            stream.sync();
            assertThat(stream.getPos()).isEqualTo(5001);
            assertThat(stream.closeAndGetHandle().getStateSize()).isEqualTo(5001);
            stream.close();
            assertThat(log.atLeast("WARN")).hasSize(2);
        }
        assertThat(library.seals)
                .containsExactly(new FakeNative.Seal(JOB, 0, "file:/primary/file", 5001));
    }

    @Test
    void aLibraryThatFailsMidwayHasTheFileBackfilled() throws IOException {
        stream.write(new byte[100]);
        library.failure = new NoClassDefFoundError("gone");
        stream.write(new byte[5000]);
        library.failure = null;
        stream.write(new byte[100]);
        stream.closeAndGetHandle();
        assertThat(library.sessions.get(0).discarded).isTrue();
        assertThat(library.seals)
                .containsExactly(new FakeNative.Seal(JOB, 0, "file:/primary/file", 5200));
    }

    interface Call {
        void on(TeeOutputStream stream) throws IOException;
    }

    @Test
    void whenThePrimaryFailsItsExceptionPassesAndTheCopyIsDiscarded() throws IOException {
        final Call[] calls = {
            s -> s.write(1),
            s -> s.write(new byte[10], 2, 3),
            TeeOutputStream::flush,
            TeeOutputStream::sync,
            TeeOutputStream::closeAndGetHandle
        };
        for (Throwable failure :
                new Throwable[] {new IOException("disk"), new IllegalStateException("bug")}) {
            for (Call call : calls) {
                final FakeNative fresh = new FakeNative();
                final ScriptedStream failing = new ScriptedStream();
                final TeeOutputStream tee = tee(failing, fresh);
                tee.write(new byte[100]);
                failing.before =
                        () -> {
                            if (failure instanceof IOException e) {
                                throw e;
                            }
                            throw (RuntimeException) failure;
                        };
                assertThatThrownBy(() -> call.on(tee)).isSameAs(failure);
                assertThat(fresh.sessions.get(0).discarded).isTrue();
                assertThat(fresh.seals).isEmpty();
                fresh.assertContractKept();
            }
        }
    }

    @Test
    void closeTwiceAndAfterASealIsHarmless() throws IOException {
        stream.write(new byte[10]);
        stream.closeAndGetHandle();
        stream.close();
        stream.close();
        assertThatThrownBy(stream::closeAndGetHandle).isInstanceOf(IOException.class);
        assertThat(library.sessions.get(0).discarded).isFalse();
        assertThat(library.seals).hasSize(1);
    }

    @Test
    void closeWithoutAHandleDiscardsOnce() throws IOException {
        stream.write(new byte[10]);
        stream.close();
        stream.close();
        assertThat(library.sessions.get(0).discarded).isTrue();
        assertThat(library.seals).isEmpty();
    }

    @Test
    void aDiscardBetweenThePrimarysEndAndTheSealHasTheFileBackfilled() throws IOException {
        final TeeSession session = new TeeSession(library, JOB, Native.SCOPE_SHARED, 3);
        session.append(new byte[10], 0, 10);
        session.discard();
        session.seal("file:/primary/file", 10);
        assertThat(library.seals)
                .containsExactly(new FakeNative.Seal(JOB, 0, "file:/primary/file", 10));
    }

    @Test
    void closeDoesNotWaitForAPrimaryThatHangs() throws Exception {
        stream.write(new byte[10]);
        final CountDownLatch hanging = new CountDownLatch(1);
        final CountDownLatch release = new CountDownLatch(1);
        primary.before =
                () -> {
                    hanging.countDown();
                    release.await();
                    return null;
                };
        final Thread writer =
                new Thread(
                        () ->
                                assertThatThrownBy(() -> stream.write(new byte[10]))
                                        .isInstanceOf(IOException.class));
        writer.start();
        hanging.await();
        Assertions.assertTimeoutPreemptively(Duration.ofSeconds(20), stream::close);
        assertThat(library.sessions.get(0).discarded).isTrue();
        release.countDown();
        writer.join();
    }

    /** Flink's cancelling thread closes while the writing thread is within a write. */
    @Test
    void closeDuringWritesPutsNoByteIntoAChunkThatWasGivenUp() throws Exception {
        final Random random = new Random(1);
        int cutShort = 0;
        for (int round = 0; round < 1500; round++) {
            final FakeNative fresh = new FakeNative();
            fresh.chunkBytes = 64;
            final ScriptedStream under = new ScriptedStream();
            final TeeOutputStream tee = tee(under, fresh);
            final CyclicBarrier start = new CyclicBarrier(2);
            final Thread writer = new Thread(() -> writeUntilClosed(tee, start));
            writer.start();
            start.await();
            final int spins = random.nextInt(20_000);
            for (int i = 0; i < spins; i++) {
                Thread.onSpinWait();
            }
            tee.close();
            writer.join();
            tee.close();
            fresh.assertContractKept();
            for (FakeNative.Session session : fresh.sessions) {
                assertThat(session.discarded).isTrue();
                assertThat(session.chunk).isNull();
                cutShort++;
            }
            assertThat(fresh.seals).isEmpty();
        }
        assertThat(cutShort).as("rounds in which something was under way").isGreaterThan(50);
    }

    private static void writeUntilClosed(TeeOutputStream tee, CyclicBarrier start) {
        final byte[] bytes = new byte[150];
        try {
            start.await();
            for (int i = 0; i < 10_000; i++) {
                tee.write(bytes, 0, 1 + i % 150);
                tee.write(i);
            }
        } catch (IOException closed) {
            // as in Flink: the writer learns of the close by the primary's exception
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
