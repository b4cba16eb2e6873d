package io.dualwrite.flink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.apache.flink.api.common.JobID;
import org.apache.flink.runtime.state.CheckpointMetadataOutputStream;
import org.apache.flink.runtime.state.CheckpointStateOutputStream;
import org.apache.flink.runtime.state.CheckpointStorageAccess;
import org.apache.flink.runtime.state.CheckpointStorageLocation;
import org.apache.flink.runtime.state.CheckpointStorageLocationReference;
import org.apache.flink.runtime.state.CheckpointStreamFactory;
import org.apache.flink.runtime.state.CheckpointedStateScope;
import org.apache.flink.runtime.state.CompletedCheckpointStorageLocation;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;
import org.apache.flink.runtime.state.filesystem.FsCheckpointStorageLocation;
import org.apache.flink.runtime.state.filesystem.FsCompletedCheckpointStorageLocation;
import org.apache.flink.runtime.state.memory.ByteStreamStateHandle;
import org.apache.flink.runtime.state.storage.FileSystemCheckpointStorage;
import org.apache.flink.runtime.util.EnvironmentInformation;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The wrappers around Flink's own storage, writing real files: what Flink gets back, and what the
 * library hears.
 */
class DualWriteCheckpointStorageTest {

    private static final int INLINE_BYTES = 1024;

    @TempDir Path dir;

    private final FakeNative library = new FakeNative();
    private final JobID jobId = new JobID();
    private DualWriteCheckpointStorage storage;
    private CheckpointStorageAccess access;

    @BeforeEach
    void create() throws IOException {
        storage =
                new DualWriteCheckpointStorage(
                        new FileSystemCheckpointStorage(dir.toUri(), INLINE_BYTES),
                        library,
                        List.of("secondary.dir", "hdfs://b/flink"),
                        role -> null);
        access = storage.createCheckpointStorage(jobId);
    }

    @AfterEach
    void contract() {
        library.assertContractKept();
    }

    private CheckpointStreamFactory checkpoint(long id) throws IOException {
        return access.resolveCheckpointStorageLocation(
                id, CheckpointStorageLocationReference.getDefault());
    }

    private static byte[] random(int length) {
        final byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    /** Else a profile would test the version against which everything is compiled. */
    @Test
    void theFlinkUnderTestIsTheProfiles() {
        assertThat(EnvironmentInformation.getVersion())
                .isEqualTo(System.getProperty("dualwrite.flink.version"));
    }

    @Test
    void aStateFileIsTeedAndSealedUnderItsName() throws Exception {
        access.initializeBaseLocationsForCheckpoint();
        for (CheckpointedStateScope scope : CheckpointedStateScope.values()) {
            final byte[] bytes = random(10_000 + scope.ordinal());
            final CheckpointStateOutputStream out =
                    checkpoint(5).createCheckpointStateOutputStream(scope);
            out.write(bytes);
            final StreamStateHandle handle = out.closeAndGetHandle();
            out.close();
            assertThat(handle.getClass().getName()).startsWith("org.apache.flink.");
            final String path = ((FileStateHandle) handle).getFilePath().toString();
            assertThat(new File(((FileStateHandle) handle).getFilePath().getPath()))
                    .hasBinaryContent(bytes);
            final int nth = scope.ordinal();
            assertThat(library.seals.get(nth))
                    .isEqualTo(new FakeNative.Seal(1001, nth + 1, path, bytes.length));
            final FakeNative.Session session = library.sessions.get(nth);
            assertThat(session.bytes.toByteArray()).isEqualTo(bytes);
            assertThat(session.checkpointId).isEqualTo(5);
            assertThat(session.scope).isEqualTo(scope == CheckpointedStateScope.SHARED ? 1 : 0);
        }
        assertThat(library.jobs)
                .containsExactly(
                        List.of(
                                "secondary.dir",
                                "hdfs://b/flink",
                                "job.id",
                                jobId.toHexString(),
                                "job.role",
                                "worker"));
    }

    @Test
    void inlineStateNeverSeals() throws IOException {
        final CheckpointStateOutputStream out =
                checkpoint(5).createCheckpointStateOutputStream(CheckpointedStateScope.EXCLUSIVE);
        out.write(random(INLINE_BYTES / 2));
        assertThat(out.closeAndGetHandle()).isInstanceOf(ByteStreamStateHandle.class);
        final CheckpointStateOutputStream empty =
                checkpoint(5).createCheckpointStateOutputStream(CheckpointedStateScope.EXCLUSIVE);
        assertThat(empty.closeAndGetHandle()).isNull();
        assertThat(library.seals).isEmpty();
        assertThat(library.sessions).hasSize(1);
        assertThat(library.sessions.get(0).discarded).isTrue();
    }

    @Test
    void taskOwnedStateIsTeed() throws IOException {
        access.initializeBaseLocationsForCheckpoint();
        final byte[] bytes = random(3000);
        final CheckpointStateOutputStream out = access.createTaskOwnedStateStream();
        out.write(bytes);
        final FileStateHandle handle = (FileStateHandle) out.closeAndGetHandle();
        assertThat(library.bytes()).isEqualTo(bytes);
        assertThat(library.sessions.get(0).scope).isEqualTo(2);
        assertThat(library.sessions.get(0).checkpointId).isEqualTo(-1);
        assertThat(library.seals.get(0).path()).isEqualTo(handle.getFilePath().toString());
        assertThat(access.createTaskOwnedCheckpointStateToolset()).isNotNull();
    }

    @Test
    void metadataIsOfferedOnceThePrimaryHasIt() throws IOException {
        access.initializeBaseLocationsForCheckpoint();
        assertThat(library.jobs).as("the call does not show the role").isEmpty();
        final long before = System.currentTimeMillis();
        final CheckpointStorageLocation location = access.initializeLocationForCheckpoint(9);
        final long after = System.currentTimeMillis();
        final byte[] bytes = random(100_000);
        final CheckpointMetadataOutputStream out = location.createMetadataOutputStream();
        out.write(bytes, 0, 50_000);
        for (int i = 50_000; i < bytes.length; i++) {
            out.write(bytes[i]);
        }
        out.flush();
        assertThat(out.getPos()).isEqualTo(bytes.length);
        assertThat(library.offers).isEmpty();
        final CompletedCheckpointStorageLocation completed = out.closeAndFinalizeCheckpoint();
        out.close();
        assertThat(library.offers).hasSize(1);
        final FakeNative.Offer offer = library.offers.get(0);
        assertThat(offer.bytes()).isEqualTo(bytes);
        assertThat(offer.job()).isEqualTo(1001);
        assertThat(offer.checkpointId()).isEqualTo(9);
        assertThat(offer.triggeredAtMs()).isBetween(before, after);
        assertThat(offer.pointer()).isEqualTo(completed.getExternalPointer());
        assertThat(dir.resolve(jobId.toHexString()).resolve("chk-9").resolve("_metadata"))
                .hasBinaryContent(bytes);
        assertThat(library.jobs.get(0)).endsWith("job.role", "coordinator");
        assertThat(completed).isInstanceOf(FsCompletedCheckpointStorageLocation.class);
        assertSerializesAsFlinks(completed, FsCompletedCheckpointStorageLocation.class);
    }

    @Test
    void metadataThatIsNotFinalizedIsNotOffered() throws IOException {
        access.initializeBaseLocationsForCheckpoint();
        final CheckpointStorageLocation location = access.initializeLocationForCheckpoint(9);
        final CheckpointMetadataOutputStream out = location.createMetadataOutputStream();
        out.write(random(100));
        out.close();
        assertThatThrownBy(out::closeAndFinalizeCheckpoint).isInstanceOf(IOException.class);
        location.disposeOnFailure();
        assertThat(library.offers).isEmpty();
        assertThat(dir.resolve(jobId.toHexString()).resolve("chk-9")).doesNotExist();
    }

    @Test
    void aLocationIsFlinksInEverythingElse() throws IOException {
        access.initializeBaseLocationsForCheckpoint();
        final CheckpointStorageLocation location = access.initializeLocationForCheckpoint(9);
        assertThat(location.getLocationReference())
                .isEqualTo(CheckpointStorageLocationReference.getDefault());
        assertThat(
                        location.createCheckpointStateOutputStream(CheckpointedStateScope.SHARED)
                                .getClass()
                                .getName())
                .startsWith("org.apache.flink.");
        assertThat(access.supportsHighlyAvailableStorage()).isTrue();
        assertThat(access.hasDefaultSavepointLocation()).isFalse();
    }

    @Test
    void savepointsPassThroughUntouched() throws IOException {
        final CheckpointStorageLocation savepoint =
                access.initializeLocationForSavepoint(
                        4, dir.resolve("savepoints").toUri().toString());
        assertThat(savepoint).isExactlyInstanceOf(FsCheckpointStorageLocation.class);
        final CheckpointStreamFactory streams =
                access.resolveCheckpointStorageLocation(4, savepoint.getLocationReference());
        assertThat(streams).isExactlyInstanceOf(FsCheckpointStorageLocation.class);
        assertThat(library.jobs).isEmpty();
    }

    @Test
    void nothingBypassesTheTee() throws IOException {
        final CheckpointStreamFactory streams = checkpoint(5);
        final StreamStateHandle handle = new ByteStreamStateHandle("name", new byte[1]);
        assertThat(streams.canFastDuplicate(handle, CheckpointedStateScope.SHARED)).isFalse();
        try (LogCapture log = new LogCapture()) {
            final DualWriteCheckpointStorageAccess ours = (DualWriteCheckpointStorageAccess) access;
            assertThat(ours.toFileMergingStorage(null, null)).isSameAs(access);
            assertThat(ours.toFileMergingStorage(null, null)).isSameAs(access);
            assertThat(log.lines).hasSize(1).first().asString().contains("file-merging");
        }
    }

    @Test
    void aRefusedJobGetsFlinksOwnObjects() throws IOException {
        library.refuseJobs = true;
        access.initializeBaseLocationsForCheckpoint();
        assertThat(checkpoint(5)).isExactlyInstanceOf(FsCheckpointStorageLocation.class);
        assertThat(checkpoint(6)).isExactlyInstanceOf(FsCheckpointStorageLocation.class);
        assertThat(access.initializeLocationForCheckpoint(6))
                .isExactlyInstanceOf(FsCheckpointStorageLocation.class);
        assertThat(access.createTaskOwnedStateStream().getClass().getName())
                .startsWith("org.apache.flink.");
        assertThat(library.jobs).as("once in each role").hasSize(2);
    }

    @Test
    void aLibraryThatThrowsIsNotNoticedByFlink() throws IOException {
        try (LogCapture log = new LogCapture()) {
            access.initializeBaseLocationsForCheckpoint();
            final CheckpointStreamFactory streams = checkpoint(5);
            final CheckpointStorageLocation location = access.initializeLocationForCheckpoint(5);
            library.failure = new UnsatisfiedLinkError("openSession");
            final CheckpointStateOutputStream out =
                    streams.createCheckpointStateOutputStream(CheckpointedStateScope.SHARED);
            out.write(random(5000));
            assertThat(out.closeAndGetHandle().getStateSize()).isEqualTo(5000);
            final CheckpointMetadataOutputStream metadata = location.createMetadataOutputStream();
            metadata.write(random(100));
            assertThat(metadata.closeAndFinalizeCheckpoint()).isNotNull();

            final CheckpointStorageAccess another = storage.createCheckpointStorage(new JobID());
            another.initializeBaseLocationsForCheckpoint();
            assertThat(another.initializeLocationForCheckpoint(1))
                    .isExactlyInstanceOf(FsCheckpointStorageLocation.class);
            assertThat(log.atLeast("WARN")).isNotEmpty();
        }
    }

    @Test
    void thePrimarysOwnExceptionsPass() {
        assertThatThrownBy(() -> storage.resolveCheckpoint("file:///no/such/place"))
                .isInstanceOf(IOException.class);
        assertThatThrownBy(() -> access.resolveCheckpoint("file:///no/such/place"))
                .isInstanceOf(IOException.class);
    }

    @Test
    void theStorageSerializesAsFlinks() throws IOException {
        assertSerializesAsFlinks(storage, FileSystemCheckpointStorage.class);
    }

    private static void assertSerializesAsFlinks(Object object, Class<?> flinks)
            throws IOException {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(object);
        }
        assertThat(bytes.toString(StandardCharsets.ISO_8859_1)).doesNotContain("dualwrite");
        try (ObjectInputStream in =
                new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            assertThat(in.readObject()).isExactlyInstanceOf(flinks);
        } catch (ClassNotFoundException e) {
            throw new IOException(e);
        }
    }
}
