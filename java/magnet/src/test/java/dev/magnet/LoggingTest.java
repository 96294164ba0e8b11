package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;

class LoggingTest {
    @Test
    void libraryLogsToTheLoggerOfItsName() {
        try (var log = new LogCapture(Level.ALL)) {
            TinyModel.load().close();
            assertFalse(log.records().isEmpty(), "loading a model says something at some level");
        }
    }

    /** What fails says so by its exception, and what is cancelled has not failed. */
    @Test
    void failedAndCancelledCallsLogNoError() {
        try (var log = new LogCapture(Level.ALL);
                Magnet magnet = TinyModel.load()) {
            Failures.messageOf(Status.INVALID_ARGUMENT, () ->
                    magnet.generate("Once", GenerateOptions.defaults().withGrammar("no grammar")).text());
            for (int i = 0; i < 50; i++) {
                try (var tokens = magnet.generate("Once").stream()) {
                    tokens.findFirst();
                }
            }
            assertEquals(List.of(), log.records().stream()
                    .filter(record -> record.getLevel().intValue() > Level.INFO.intValue())
                    .map(LogRecord::getMessage)
                    .toList());
        }
    }

    @Test
    void loggerThatThrowsDoesNoHarm() {
        Logger logger = Logger.getLogger("dev.magnet");
        Level before = logger.getLevel();
        logger.setLevel(Level.ALL);
        logger.setFilter(record -> {
            throw new IllegalCallerException("a filter's own");
        });
        try (Magnet magnet = TinyModel.load()) {
            assertEquals(TinyModel.DIMENSIONS, magnet.embed("text").length);
        } finally {
            logger.setFilter(null);
            logger.setLevel(before);
        }
    }

    @Test
    void nothingIsPrintedToStandardOutput() throws Exception {
        PrintStream before = System.out;
        var printed = new ByteArrayOutputStream();
        System.setOut(new PrintStream(printed, true));
        try (Magnet magnet = TinyModel.load()) {
            magnet.generate("Once", GenerateOptions.defaults().withMaxTokens(3)).text();
        } finally {
            System.setOut(before);
        }
        assertEquals("", printed.toString());
    }
}
