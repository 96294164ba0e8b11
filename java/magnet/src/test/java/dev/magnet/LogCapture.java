package dev.magnet;

import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Keeps what is logged under {@code dev.magnet} until it is closed. */
final class LogCapture extends Handler implements AutoCloseable {
    private final Logger logger = Logger.getLogger("dev.magnet");
    private final Level levelBefore = logger.getLevel();
    private final List<LogRecord> records = new ArrayList<>();

    LogCapture(Level level) {
        setLevel(level);
        logger.setLevel(level);
        logger.addHandler(this);
    }

    synchronized List<LogRecord> records() {
        return List.copyOf(records);
    }

    @Override
    public synchronized void publish(LogRecord record) {
        records.add(record);
    }

    @Override
    public void flush() {}

    @Override
    public void close() {
        logger.removeHandler(this);
        logger.setLevel(levelBefore);
    }
}
