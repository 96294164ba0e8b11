package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.function.Executable;

/** What a test expects to fail. */
final class Failures {
    private Failures() {}

    /** Expects a {@link MagnetException} of this status, and returns its message. */
    static String messageOf(Status status, Executable action) {
        MagnetException e = assertThrows(MagnetException.class, action);
        assertEquals(status, e.status(), e.getMessage());
        return e.getMessage();
    }
}
