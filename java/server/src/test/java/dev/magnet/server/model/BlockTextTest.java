package dev.magnet.server.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Where a block of code ends. */
class BlockTextTest {
    /** What is told of a text that comes character by character. */
    private static String told(int indent, String whole) {
        var block = new BlockText(indent);
        String told = whole.chars().mapToObj(c -> block.accept(String.valueOf((char) c))).collect(Collectors.joining());
        String cut = block.cutText();
        if (cut != null) {
            assertEquals(cut, told);
            return told;
        }
        return told + block.rest();
    }

    @Test
    void endsBeforeALineOfAnOuterBlock() {
        assertEquals("a + b", told(4, "a + b\n\n\ndef c():\n    pass"));
        assertEquals("if a:\n        b", told(4, "if a:\n        b\n  c"));
        assertEquals("a", told(1, "a\r\n\r\nb"));
    }

    @Test
    void emptyLinesAndInnerBlocksBelongToIt() {
        String inner = "if a:\n        b\n\n  \n    c\n    ";
        assertEquals(inner, told(4, inner));
        assertEquals("a\n\tb", told(4, "a\n\tb"), "tabs are wide");
        assertEquals("a\n\n", told(4, "a\n\n"), "nothing is seen behind it");
    }

    @Test
    void withoutIndentNothingEnds() {
        assertEquals("a\nb\n", told(0, "a\nb\n"));
    }

    @Test
    void whatIsCertainIsToldAtOnce() {
        var block = new BlockText(2);
        assertEquals("a b", block.accept("a b"));
        assertEquals("", block.accept("\n  "));
        assertEquals("\n  c", block.accept("c"));
        assertEquals("", block.accept("\nd"));
        assertTrue(block.ended());
    }
}
