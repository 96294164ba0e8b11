package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class CandidatesTest {
    private static final List<Part> PARTS =
            List.of(Part.text("Tom lost his"), Part.gap(2), Part.text(" At last he slept."));
    private static Magnet magnet;

    @BeforeAll
    static void load() {
        magnet = TinyModel.loadExact(TinyModel.LLAMA);
    }

    @AfterAll
    static void close() {
        magnet.close();
    }

    @Test
    void theBestFillingComesFirst() {
        InfillOptions options = InfillOptions.defaults().withSeed(3).withCandidates(5);
        options = options.withSampling(options.sampling().withGrammar("root ::= [a-z]*")); // other bytes are no text
        Infilled infilled = magnet.infill(PARTS, options);
        assertEquals(5, infilled.ranked().stream().mapToInt(Filling::count).sum());
        assertEquals(infilled.spans(), infilled.ranked().getFirst().spans());
        assertEquals(infilled.fillings(), infilled.ranked().getFirst().texts());
        IntStream.range(1, infilled.ranked().size()).forEach(i -> assertTrue(
                infilled.ranked().get(i - 1).score() >= infilled.ranked().get(i).score()));
        Filling last = infilled.ranked().getLast();
        assertEquals("Tom lost his" + last.texts().getFirst() + " At last he slept.", infilled.text(last));

        // the score is that of the whole text behind what stands left of the gap
        double logprob = magnet.score(
                        List.of(List.of(
                                Part.text("Tom lost his"), Part.filled(last.texts().getFirst() + " At last he slept."))),
                        ScoreOptions.defaults().withContext(InfillContext.LEFT))
                .getFirst()
                .logprob();
        assertEquals(logprob, last.gapLogprob() + last.rightLogprob(), 1e-3);
    }

    @Test
    void oneFillingIsNotScored() {
        Infilled infilled = magnet.infill(PARTS);
        assertEquals(1, infilled.ranked().size());
        assertTrue(Double.isNaN(infilled.ranked().getFirst().score()));
    }

    @Test
    void greedyCandidatesAreRefused() {
        InfillOptions options = InfillOptions.defaults();
        MagnetException e = assertThrows(
                MagnetException.class, () -> magnet.infill(PARTS, options.withCandidates(options.candidates().withN(2))));
        assertEquals(Status.INVALID_ARGUMENT, e.status());
        assertTrue(e.getMessage().contains("candidates.n"), e.getMessage());
    }

    @Test
    void aTextEndsWhereThatIsAsked() {
        List<Part> parts = List.of(Part.text("Tom"), Part.gap(), Part.text(" and so it ended."));
        InfillOptions options = InfillOptions.defaults();
        InfillOptions lines = options.withSampling(options.sampling().withGrammar("root ::= \"x\\ny\""));
        assertEquals("x\ny", magnet.infill(parts, lines).fillings().getFirst());
        Span line = magnet.infill(parts, lines.withUntil(Until.LINE)).spans().getFirst();
        assertEquals("x", line.text());
        assertEquals(StopReason.UNTIL, line.stop());
        assertEquals(StopReason.STRING, magnet.infill(parts, lines.withStop("y")).spans().getFirst().stop());
        InfillOptions repeats =
                options.withSampling(options.sampling().withGrammar("root ::= \" slept and so it ended.\""));
        Span cut = magnet.infill(parts, repeats).spans().getFirst();
        assertEquals(" slept", cut.text());
        assertEquals(StopReason.REPEAT, cut.stop());
        assertEquals(
                " slept and so it ended.",
                magnet.infill(parts, repeats.withEnds(repeats.ends().withCutRepeat(false))).fillings().getFirst());
    }
}
