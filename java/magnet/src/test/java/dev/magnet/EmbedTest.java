package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class EmbedTest {
    private static final List<String> TEXTS =
            List.of("A man is playing a guitar.", "Someone plays music.", "", "Ein Mann 🎸 spielt.", "x");

    private static Magnet magnet;

    @BeforeAll
    static void load() {
        magnet = Magnet.load(TinyModel.QWEN2, TinyModel.options()); // adds no begin-of-sequence token
    }

    @AfterAll
    static void close() {
        magnet.close();
    }

    @Test
    void vectorHasLengthOne() {
        float[] v = magnet.embed("A man is playing a guitar.");
        assertEquals(TinyModel.DIMENSIONS, v.length);
        assertEquals(1, Similarity.dot(v, v), 1e-5);
    }

    @Test
    void normalizeOffKeepsTheDirection() {
        float[] raw = magnet.embed("text", EmbedOptions.defaults().withNormalize(false));
        assertEquals(1, Similarity.cosine(raw, magnet.embed("text")), 1e-5);
        assertNotEquals(1, Similarity.dot(raw, raw), 1e-3);
    }

    @Test
    void dimensionsKeepsTheFirstNumbersAtLengthOne() {
        EmbedOptions eight = EmbedOptions.defaults().withDimensions(8);
        double[] first = new double[8];
        float[] all = magnet.embed("text", EmbedOptions.defaults().withNormalize(false));
        double norm = Math.sqrt(IntStream.range(0, 8).mapToDouble(d -> (double) all[d] * all[d]).sum());
        Arrays.setAll(first, d -> all[d] / norm);
        for (float[] found : List.of(
                magnet.embed("text", eight),
                magnet.embedAsync("text", eight).join(),
                magnet.embedAll(List.of("other", "text"), eight).vectors()[1])) {
            assertEquals(8, found.length);
            for (int d = 0; d < 8; d++) {
                assertEquals(first[d], found[d], 1e-5);
            }
        }
        FloatBuffer buffer = FloatBuffer.allocate(16);
        magnet.embed(List.of("a", "text"), eight, buffer);
        assertEquals(first[7], buffer.get(15), 1e-5);
        assertEquals(8, magnet.embedTokens("text", eight).vectors()[0].length);
        assertEquals(8, magnet.embedTokenIds(magnet.tokenize("text"), eight).length);
        for (int dimensions : new int[] {-1, TinyModel.DIMENSIONS + 1, Integer.MAX_VALUE}) {
            var refused = assertThrows(
                    MagnetException.class, () -> magnet.embed("text", EmbedOptions.defaults().withDimensions(dimensions)));
            assertEquals(Status.INVALID_ARGUMENT, refused.status());
            assertTrue(refused.getMessage().contains("dimensions is " + dimensions), refused.getMessage());
        }
    }

    @Test
    void manyGiveTheVectorsOfOneByOne() {
        float[][] together = magnet.embed(TEXTS);
        for (int i = 0; i < TEXTS.size(); i++) {
            assertEquals(1, Similarity.cosine(magnet.embed(TEXTS.get(i)), together[i]), 1e-4, TEXTS.get(i));
        }
    }

    @Test
    void manyMoreThanOneBatchKeepTheirOrder() {
        List<String> texts = IntStream.range(0, 700).mapToObj(i -> "text number " + i).toList();
        float[][] together = magnet.embed(texts);
        for (int i : new int[] {0, 1, 350, 699}) {
            assertEquals(1, Similarity.cosine(magnet.embed(texts.get(i)), together[i]), 1e-4);
        }
    }

    @Test
    void noTextsGiveNoVectors() {
        assertEquals(0, magnet.embed(List.of()).length);
    }

    @Test
    void meanPoolingIsTheMeanOfTheTokenVectors() {
        EmbedOptions options = EmbedOptions.defaults()
                .withPooling(Pooling.MEAN)
                .withAttention(Attention.CAUSAL)
                .withNormalize(false);
        TokenEmbeddings tokens = magnet.embedTokens("guitar", options);
        assertArrayEquals(magnet.tokenize("guitar"), tokens.tokens());
        float[] mean = new float[TinyModel.DIMENSIONS];
        for (float[] v : tokens.vectors()) {
            for (int d = 0; d < mean.length; d++) {
                mean[d] += v[d] / tokens.vectors().length;
            }
        }
        assertArrayEquals(mean, magnet.embed("guitar", options), 1e-4f);
    }

    @Test
    void weightedMeanCountsLaterTokensMore() {
        EmbedOptions options = EmbedOptions.defaults()
                .withPooling(Pooling.WEIGHTED_MEAN)
                .withAttention(Attention.CAUSAL)
                .withNormalize(false);
        float[][] tokens = magnet.embedTokens("guitar", options).vectors();
        float[] mean = new float[TinyModel.DIMENSIONS];
        float total = tokens.length * (tokens.length + 1) / 2f;
        for (int i = 0; i < tokens.length; i++) {
            for (int d = 0; d < mean.length; d++) {
                mean[d] += tokens[i][d] * (i + 1) / total;
            }
        }
        assertArrayEquals(mean, magnet.embed("guitar", options), 1e-4f);
    }

    @Test
    void tokenIdsGiveTheVectorOfTheirText() {
        EmbedOptions options = EmbedOptions.defaults().withInstruction("").withAppendEos(false);
        assertArrayEquals(
                magnet.embed("guitar", options), magnet.embedTokenIds(magnet.tokenize("guitar"), options), 1e-5f);
    }

    @Test
    void causalAttentionDoesNotSeeWhatFollows() {
        EmbedOptions causal = EmbedOptions.defaults().withAttention(Attention.CAUSAL);
        EmbedOptions both = EmbedOptions.defaults().withAttention(Attention.BIDIRECTIONAL);
        assertArrayEquals(
                magnet.embedTokens("abcd", causal).vectors()[0], magnet.embedTokens("abXY", causal).vectors()[0], 1e-4f);
        assertTrue(Similarity.cosine(
                        magnet.embedTokens("abcd", both).vectors()[0], magnet.embedTokens("abXY", both).vectors()[0])
                < 0.9999);
    }

    @Test
    void instructionChangesTheVectorButIsNotPooled() {
        EmbedOptions plain = EmbedOptions.defaults().withInstruction("");
        EmbedOptions query = plain.withInstruction("Find what answers: ");
        assertTrue(Similarity.cosine(magnet.embed("guitar", plain), magnet.embed("guitar", query)) < 0.9999);
        assertEquals(
                magnet.tokenize("guitar").length, magnet.embedTokens("guitar", query).vectors().length);
    }

    @Test
    void tokenCountsGrowByTheInstruction() {
        EmbedOptions plain = EmbedOptions.defaults().withInstruction("");
        Embeddings without = magnet.embedAll(TEXTS, plain);
        Embeddings with = magnet.embedAll(TEXTS, plain.withInstruction("abc"));
        for (int i = 0; i < TEXTS.size(); i++) {
            assertEquals(magnet.tokenize("abc").length, with.tokenCounts()[i] - without.tokenCounts()[i]);
        }
        assertEquals(Arrays.stream(with.tokenCounts()).sum(), with.tokens());
    }

    @Test
    void textThatIsTooLongIsNamed() {
        String message = Failures.messageOf(
                Status.TOO_LONG, () -> magnet.embed("short", "x ".repeat(2 * TinyModel.CONTEXT), "short"));
        assertTrue(message.contains("1"), message);
    }

    @Test
    void truncationKeepsHeadOrTail() {
        String head = "abcdefgh".repeat(3);
        String tail = "ijklmnop".repeat(3);
        EmbedOptions options = EmbedOptions.defaults().withInstruction("").withMaxTokens(magnet.tokenize(head).length + 1);
        assertEquals(1, Similarity.cosine(
                magnet.embed(head, options), magnet.embed(head + tail, options.withTruncate(Truncation.HEAD))), 1e-3);
        assertEquals(1, Similarity.cosine(
                magnet.embed(tail, options), magnet.embed(head + tail, options.withTruncate(Truncation.TAIL))), 1e-3);
    }

    @Test
    void everyKindOfBufferReceivesTheSameFloats() {
        float[][] expected = magnet.embed(TEXTS);
        int floats = TEXTS.size() * TinyModel.DIMENSIONS;
        ByteOrder other = ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN;
        for (FloatBuffer buffer : List.of(
                FloatBuffer.allocate(floats + 3),
                ByteBuffer.allocateDirect(4 * (floats + 3)).order(ByteOrder.nativeOrder()).asFloatBuffer(),
                ByteBuffer.allocateDirect(4 * (floats + 3)).order(other).asFloatBuffer())) {
            buffer.put(7).put(8);
            int[] tokenCounts = magnet.embed(TEXTS, EmbedOptions.defaults(), buffer);
            assertEquals(TEXTS.size(), tokenCounts.length);
            assertEquals(2 + floats, buffer.position());
            buffer.flip();
            assertEquals(7, buffer.get());
            assertEquals(8, buffer.get());
            for (float[] row : expected) {
                float[] got = new float[row.length];
                buffer.get(got);
                assertArrayEquals(row, got, 1e-6f);
            }
        }
    }

    @Test
    void bufferThatCannotTakeItIsRefused() {
        assertTrue(Failures.messageOf(Status.BUFFER_TOO_SMALL, () ->
                        magnet.embed(TEXTS, EmbedOptions.defaults(), FloatBuffer.allocate(3)))
                .contains("" + TEXTS.size() * TinyModel.DIMENSIONS));
        Failures.messageOf(Status.INVALID_ARGUMENT, () ->
                magnet.embed(TEXTS, EmbedOptions.defaults(), FloatBuffer.allocate(1000).asReadOnlyBuffer()));
    }

    @Test
    void progressCountsTheTexts() {
        List<Long> done = new ArrayList<>();
        magnet.embed(TEXTS, EmbedOptions.defaults().withProgress((d, total) -> {
            assertEquals(TEXTS.size(), total);
            done.add(d);
        }));
        assertEquals(TEXTS.size(), done.getLast());
    }

    @Test
    void halfASurrogatePairIsRefusedWithItsPlace() {
        String message = Failures.messageOf(Status.INVALID_ARGUMENT, () -> magnet.embed("fine", "br\uD83Coken"));
        assertTrue(message.contains("text 1") && message.contains("index 2"), message);
        Failures.messageOf(Status.INVALID_ARGUMENT, () -> magnet.embed("\uDE00"));
    }

    @Test
    void nulCharacterIsTextButNotInAnInstruction() {
        assertEquals(TinyModel.DIMENSIONS, magnet.embed("a\0b").length);
        Failures.messageOf(Status.INVALID_ARGUMENT, () ->
                magnet.embed("text", EmbedOptions.defaults().withInstruction("a\0b")));
    }

    @Test
    void nullTextIsRefusedByName() {
        assertNamed("text", () -> magnet.embed((String) null));
        assertNamed("text", () -> magnet.embedAsync(null));
        assertNamed("text 1", () -> magnet.embed("a", null, "b"));
        assertNamed("text 1", () -> magnet.embedAllAsync(Arrays.asList("a", null), EmbedOptions.defaults()));
        assertNamed("texts", () -> magnet.embed((List<String>) null));
        assertNamed("text", () -> magnet.embedTokens(null, EmbedOptions.defaults()));
        assertNamed("message 0", () -> magnet.chatPrompt(Arrays.asList((Message) null), true));
        assertNamed("part 1", () -> magnet.infill(Arrays.asList(Part.gap(), null)));
        assertNamed("part 0", () -> magnet.layout(Arrays.asList((Part) null), InfillContext.ORDERED));
    }

    private static void assertNamed(String name, Executable call) {
        assertEquals(name, assertThrows(NullPointerException.class, call).getMessage());
    }
}
