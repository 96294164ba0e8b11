package dev.magnet.server.llama;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** What of an editor's text is read; every character is a token here. */
class WindowTest {
    private static Window fit(int room, List<String> files, String left, String right) {
        return Window.of(files, left, right, room, String::length);
    }

    @Test
    void whatFitsIsRead() {
        assertEquals(new Window("one\ntwo\nleft", "right", false), fit(17, List.of("one", "two"), "left", "right"));
    }

    @Test
    void firstFilesAreLeftOutFirst() {
        assertEquals(new Window("two\nleft", "right", true), fit(16, List.of("one", "two"), "left", "right"));
        assertEquals(new Window("left", "right", true), fit(9, List.of("one", "two"), "left", "right"));
    }

    @Test
    void whatIsFarFromTheGapIsCutOff() {
        Window window = fit(100, List.of("one"), "a".repeat(500) + "|", "|" + "b".repeat(500));
        assertTrue(window.truncated());
        assertEquals(100, window.left().length() + window.right().length());
        assertEquals(25, window.right().length());
        assertTrue(window.left().endsWith("a|") && window.right().startsWith("|b"));
    }

    @Test
    void shortSideLeavesItsRoomToTheOther() {
        assertEquals(95, fit(100, List.of(), "a".repeat(500), "right").left().length());
        assertEquals(96, fit(100, List.of(), "left", "b".repeat(500)).right().length());
    }

    @Test
    void noCharacterIsCutInTwo() {
        Window window = fit(11, List.of(), "\ud83d\ude00".repeat(50), "\ud83d\ude00".repeat(50));
        assertFalse(Character.isLowSurrogate(window.left().charAt(0)));
        assertFalse(Character.isHighSurrogate(window.right().charAt(window.right().length() - 1)));
    }
}
