package io.dualwrite.flink;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Whether a file is a whole shared library for this machine. Asked before it is loaded, because the
 * dynamic linker maps a truncated file without complaint and the JVM then dies by SIGBUS. Finds no
 * changed bytes.
 */
final class ElfFile {

    private static final int MAGIC = 0x464c457f;
    private static final int HEADER_BYTES = 64;
    private static final int PROGRAM_HEADER_BYTES = 56;
    private static final int TYPE_SHARED = 3;

    private ElfFile() {}

    /**
     * Returns if the file may be loaded.
     *
     * @param machine the processor's number in ELF
     */
    static void check(Path file, int machine) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            final ByteBuffer header = read(channel, 0, HEADER_BYTES);
            // byte 4 and 5: 64 bits, little-endian
            if (header.getInt(0) != MAGIC || header.getShort(4) != 0x0102) {
                throw new IOException("it is not a 64-bit ELF file");
            }
            if (header.getShort(16) != TYPE_SHARED || header.getShort(18) != machine) {
                throw new IOException(
                        "it is not a shared library for this processor (its ELF machine is "
                                + header.getShort(18)
                                + ", needed is "
                                + machine
                                + ")");
            }
            checkWhole(channel, header);
        }
    }

    private static void checkWhole(FileChannel channel, ByteBuffer header) throws IOException {
        final long length = channel.size();
        final long programHeaders = header.getLong(32);
        final long sectionHeaders = header.getLong(40);
        checkWithin(sectionHeaders, (long) unsigned(header, 58) * unsigned(header, 60), length);
        for (int i = 0; i < unsigned(header, 56); i++) {
            final long at = programHeaders + (long) i * unsigned(header, 54);
            final ByteBuffer segment = read(channel, at, PROGRAM_HEADER_BYTES);
            checkWithin(segment.getLong(8), segment.getLong(32), length);
        }
    }

    private static void checkWithin(long offset, long size, long length) throws IOException {
        if (offset < 0 || size < 0 || offset > length || size > length - offset) {
            throw new IOException("it is truncated, it has only " + length + " bytes");
        }
    }

    private static int unsigned(ByteBuffer header, int at) {
        return header.getShort(at) & 0xffff;
    }

    private static ByteBuffer read(FileChannel channel, long at, int bytes) throws IOException {
        final ByteBuffer into = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (into.hasRemaining()) {
            if (at < 0 || channel.read(into, at + into.position()) < 0) {
                throw new EOFException("it is truncated, it ends within a header");
            }
        }
        return into;
    }
}
