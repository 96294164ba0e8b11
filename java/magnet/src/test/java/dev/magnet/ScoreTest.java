package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ScoreTest {
    private static Magnet magnet;

    @BeforeAll
    static void load() {
        magnet = TinyModel.loadExact(TinyModel.QWEN2);
    }

    @AfterAll
    static void close() {
        magnet.close();
    }

    @Test
    void continuationsComeInTheirOrder() {
        List<Scored> scored = magnet.score("The capital of France is", " Paris", " Rome", "");
        assertEquals(List.of(" Paris", " Rome", ""), scored.stream().map(s -> s.spans().getFirst().text()).toList());
        assertTrue(scored.get(0).logprob() < 0);
        assertEquals(0, scored.get(2).logprob());
    }

    @Test
    void tokensSumToTheLogprobAndJoinToTheText() {
        Span span = magnet.score("Ein ", "Mäd😀chen").getFirst().spans().getFirst();
        assertEquals(
                span.logprob(), span.tokens().stream().mapToDouble(Token::logprob).sum(), 1e-3);
        assertEquals("Mäd😀chen", span.tokens().stream().map(Token::text).collect(Collectors.joining()));
        assertEquals(StopReason.NONE, span.stop());
    }

    @Test
    void scoreIsTheLogprobThatGenerationReports() {
        List<Candidate> candidates = magnet.generate(
                        "Once", GenerateOptions.defaults().withMaxTokens(1).withTop(100).withIgnoreEos(true))
                .result()
                .span()
                .tokens()
                .getFirst()
                .top();
        int compared = 0;
        for (Candidate candidate : candidates) {
            String text = magnet.detokenize(candidate.token());
            Span span = magnet.score("Once", text).getFirst().spans().getFirst();
            if (span.tokens().size() == 1 && span.tokens().getFirst().id() == candidate.token()) {
                assertEquals(candidate.logprob(), span.logprob(), 1e-3, text);
                compared++;
            }
        }
        assertTrue(compared > 10, "tokens that are the tokens of their text: " + compared);
    }

    @Test
    void chainRuleHolds() {
        double both = magnet.score("Once", " upon a time").getFirst().logprob();
        double first = magnet.score("Once", " upon").getFirst().logprob();
        double second = magnet.score("Once upon", " a time").getFirst().logprob();
        assertEquals(both, first + second, 1e-3);
    }

    @Test
    void itemsMayHaveSeveralGaps() {
        List<Part> two = List.of(Part.text("a"), Part.filled("b"), Part.text("c"), Part.filled("d"));
        List<Part> one = List.of(Part.text("a"), Part.filled("bcd"));
        List<Scored> scored = magnet.score(List.of(two, one, two), ScoreOptions.defaults());
        assertEquals(List.of(2, 1, 2), scored.stream().map(s -> s.spans().size()).toList());
        assertEquals(scored.get(0).logprob(), scored.get(2).logprob(), 1e-5);
    }

    @Test
    void perplexityIsThatOfTheTokens() {
        Scored scored = magnet.score("Once", " upon").getFirst();
        int tokens = scored.spans().getFirst().tokens().size();
        assertEquals(Math.exp(-scored.logprob() / tokens), scored.perplexity(), 1e-9);
        assertTrue(Double.isNaN(magnet.score("Once", "").getFirst().perplexity()));
    }

    @Test
    void progressCountsTheItems() {
        List<Long> done = new ArrayList<>();
        List<Part> item = List.of(Part.text("a"), Part.filled("b"));
        magnet.score(List.of(item, item, item), ScoreOptions.defaults().withProgress((d, total) -> {
            assertEquals(3, total);
            done.add(d);
        }));
        assertEquals(3, done.getLast());
    }

    @Test
    void nothingToScoreGivesNothing() {
        assertEquals(List.of(), magnet.score("given"));
    }

    @Test
    void openGapIsRefusedWithItsIndex() {
        String message = Failures.messageOf(Status.INVALID_ARGUMENT, () ->
                magnet.score(List.of(List.of(Part.text("a"), Part.gap(3))), ScoreOptions.defaults()));
        assertTrue(message.contains("part 1"), message);
    }
}
