package dev.magnet.server.llama;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.magnet.FimFile;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What of an editor's text is read; every character is a token here. */
class WindowTest {
    private static final FimFile ONE = new FimFile("a.c", "one");
    private static final FimFile TWO = new FimFile(null, "two");

    private static Window fit(int room, List<FimFile> files, String left, String right) {
        return Window.of(files, left, right, room, String::length);
    }

    @Test
    void whatFitsIsRead() {
        // 9 characters around the gap, 4 tokens around each file, its name and its text
        assertEquals(new Window(List.of(ONE, TWO), "left", "right", false), fit(9 + 10 + 7, List.of(ONE, TWO), "left", "right"));
        assertEquals("one\ntwo\nleft", fit(100, List.of(ONE, TWO), "left", "right").joined());
        assertEquals("left", fit(100, List.of(), "left", "right").joined());
    }

    @Test
    void firstFilesAreLeftOutFirst() {
        assertEquals(new Window(List.of(TWO), "left", "right", true), fit(25, List.of(ONE, TWO), "left", "right"));
        assertEquals(new Window(List.of(), "left", "right", true), fit(15, List.of(ONE, TWO), "left", "right"));
    }

    @Test
    void whatIsFarFromTheGapIsCutOff() {
        Window window = fit(100, List.of(ONE), "a".repeat(500) + "|", "|" + "b".repeat(500));
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
