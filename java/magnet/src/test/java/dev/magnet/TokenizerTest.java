package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class TokenizerTest {
    private static Magnet magnet;

    @BeforeAll
    static void load() {
        magnet = Magnet.load(TinyModel.QWEN2, TinyModel.options());
    }

    @AfterAll
    static void close() {
        magnet.close();
    }

    @Test
    void detokenizeUndoesTokenize() {
        for (String text : List.of("", "Hello", "naïve café", "😀🎉 done", "tab\tnew\nline", "a\0b", "x".repeat(10_000))) {
            assertEquals(text, magnet.detokenize(magnet.tokenize(text)), text);
        }
    }

    @Test
    void bytesOfTheTokensJoinToTheText() {
        String text = "naïve 😀";
        var joined = new ByteArrayOutputStream();
        for (int token : magnet.tokenize(text)) {
            joined.writeBytes(magnet.tokenBytes(token));
        }
        assertArrayEquals(text.getBytes(StandardCharsets.UTF_8), joined.toByteArray());
    }

    @Test
    void cutCharacterBecomesTheReplacementCharacter() {
        int[] tokens = magnet.tokenize("😀");
        assertTrue(tokens.length > 1, "every byte of an emoji is a token of its own here");
        assertTrue(magnet.detokenize(tokens[0]).startsWith("\uFFFD"));
    }

    @Test
    void tokenOutOfTheVocabularyIsRefused() {
        for (int token : new int[] {-1, 264, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            Failures.messageOf(Status.INVALID_ARGUMENT, () -> magnet.detokenize(token));
            Failures.messageOf(Status.INVALID_ARGUMENT, () -> magnet.tokenBytes(token));
            Failures.messageOf(Status.INVALID_ARGUMENT, () ->
                    magnet.embedTokenIds(new int[] {token}, EmbedOptions.defaults()));
        }
    }

    @Test
    void layoutSaysWhereEverythingStands() {
        List<Part> parts = List.of(Part.text("ab"), Part.gap(3), Part.text("c"));
        List<Slot> slots = magnet.layout(parts, InfillContext.HYBRID);
        assertEquals(List.of(0, 0, 1, 1, 1, 2), slots.stream().map(Slot::part).toList());
        assertEquals(List.of(0, 1, 2, 3, 4, 5), slots.stream().map(Slot::position).toList());
        assertEquals(
                List.of(-1, -1, -1), slots.subList(2, 5).stream().map(Slot::token).toList());
        assertEquals(Role.SPAN, slots.get(3).role());
        assertEquals(Role.CONTEXT, slots.get(5).role());
        assertEquals(Role.ORDERED, magnet.layout(parts, InfillContext.ORDERED).get(0).role());
    }

    @Test
    void rolesFollowTheRule() {
        for (int query = 0; query < 4; query++) {
            for (int key = 0; key < 4; key++) {
                for (Role role : Role.values()) {
                    assertTrue(role.sees(query, Role.CONTEXT, key));
                    assertEquals(role == Role.SPAN || key <= query, role.sees(query, Role.ORDERED, key));
                    assertEquals(role == Role.SPAN && key <= query, role.sees(query, Role.SPAN, key));
                }
            }
        }
    }

    @Test
    void nullsAreRefused() {
        assertThrows(NullPointerException.class, () -> magnet.tokenize(null));
        assertThrows(NullPointerException.class, () -> magnet.detokenize((int[]) null));
        assertThrows(NullPointerException.class, () -> magnet.layout(null, InfillContext.DEFAULT));
    }
}
