package dev.magnet.ffi;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * Whether a shared library is all there. The dynamic linker maps what the headers promise without asking whether the
 * file is that long, and touching a page behind its end kills the process (SIGBUS). Layout: System V ABI, chapters 4 and
 * 5, 64 bits.
 */
final class ElfFile {
    private static final int HEADER_SIZE = 64;
    private static final int MAGIC = 0x7F454C46;
    private static final int CLASS_64 = 2;
    private static final int LITTLE_ENDIAN = 1;

    private ElfFile() {}

    /**
     * Bytes that the file must have to hold everything that its headers promise; 0 if it is not 64-bit ELF, which the
     * linker of a platform that uses ELF refuses by itself.
     */
    static long sizeNeeded(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file)) {
            ByteBuffer header = read(channel, 0, HEADER_SIZE);
            if (header.remaining() < HEADER_SIZE) {
                return HEADER_SIZE; // no library of any kind is that short
            }
            if (header.order(ByteOrder.BIG_ENDIAN).getInt(0) != MAGIC || header.get(4) != CLASS_64) {
                return 0;
            }
            header.order(header.get(5) == LITTLE_ENDIAN ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
            long programTable = header.getLong(32);
            long sectionTable = header.getLong(40);
            int programEntry = Short.toUnsignedInt(header.getShort(54));
            int programCount = Short.toUnsignedInt(header.getShort(56));
            int sectionEntry = Short.toUnsignedInt(header.getShort(58));
            int sectionCount = Short.toUnsignedInt(header.getShort(60));
            long programEnd = programTable + (long) programEntry * programCount;
            long needed = Math.max(programEnd, sectionTable + (long) sectionEntry * sectionCount);
            if (programEnd <= channel.size() && programEntry >= 56) {
                ByteBuffer table = read(channel, programTable, programEntry * programCount).order(header.order());
                for (int at = 0; at + programEntry <= table.limit(); at += programEntry) {
                    needed = Math.max(needed, table.getLong(at + 8) + table.getLong(at + 32)); // offset, size in the file
                }
            }
            return needed;
        }
    }

    /** Up to {@code size} bytes; fewer where the file ends. */
    private static ByteBuffer read(FileChannel channel, long position, int size) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(size);
        while (buffer.hasRemaining() && channel.read(buffer, position + buffer.position()) >= 0) {
            // until it is full, or the file ends
        }
        return buffer.flip();
    }
}
