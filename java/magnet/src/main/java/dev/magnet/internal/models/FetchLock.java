package dev.magnet.internal.models;

import dev.magnet.MagnetException;
import dev.magnet.Status;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLockInterruptionException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/** One fetch of a file at a time, among the threads of this process and among processes. Waiting may be interrupted. */
final class FetchLock implements AutoCloseable {
    private static final Map<Path, ReentrantLock> OF_THREADS = new ConcurrentHashMap<>();

    private final ReentrantLock ofThreads;
    private final FileChannel ofProcesses;

    private FetchLock(ReentrantLock ofThreads, FileChannel ofProcesses) {
        this.ofThreads = ofThreads;
        this.ofProcesses = ofProcesses;
    }

    static FetchLock of(Path file) throws IOException {
        ReentrantLock threads = OF_THREADS.computeIfAbsent(file, path -> new ReentrantLock());
        try {
            threads.lockInterruptibly();
        } catch (InterruptedException e) {
            throw cancelled(file, e);
        }
        FileChannel channel = null;
        try {
            Path name = file.resolveSibling(file.getFileName() + ".lock");
            channel = FileChannel.open(name, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            channel.lock(); // held until the channel is closed, or the process ends
            return new FetchLock(threads, channel);
        } catch (IOException | RuntimeException e) {
            if (channel != null) {
                channel.close();
            }
            threads.unlock();
            if (e instanceof FileLockInterruptionException || e instanceof ClosedByInterruptException) {
                throw cancelled(file, e);
            }
            throw e;
        }
    }

    static MagnetException cancelled(Path file, Exception cause) {
        Thread.currentThread().interrupt();
        return new MagnetException(Status.CANCELLED, "interrupted while fetching " + file.getFileName(), cause);
    }

    @Override
    public void close() throws IOException {
        try {
            ofProcesses.close();
        } finally {
            ofThreads.unlock();
        }
    }
}
