package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class InfillTest {
    private static final List<Part> TWO_GAPS = List.of(
            Part.text("Tom lost his "), Part.gap(4), Part.text(" At last "), Part.gap(3), Part.text(" in his own bed."));

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
    void everyGapIsFilledToItsLength() {
        Infilled infilled = magnet.infill(TWO_GAPS);
        assertEquals(List.of(1, 3), infilled.spans().stream().map(Span::part).toList());
        assertEquals(List.of(4, 3), infilled.spans().stream().map(span -> span.tokens().size()).toList());
        assertTrue(infilled.spans().stream().allMatch(span -> span.stop() == StopReason.LENGTH));
    }

    @Test
    void textAroundTheGapsIsKept() {
        Infilled infilled = magnet.infill(TWO_GAPS);
        assertEquals(
                "Tom lost his " + infilled.fillings().get(0) + " At last " + infilled.fillings().get(1) + " in his own bed.",
                infilled.text());
    }

    @Test
    void spaceBeforeAGapIsReadWithIt() {
        InfillOptions options = InfillOptions.defaults()
                .withSampling(InfillOptions.defaults().sampling().withGrammar("root ::= \" \" [a-z]*"));
        String right = " At last he slept.";
        Infilled spaced = magnet.infill(List.of(Part.text("Tom lost "), Part.gap(5), Part.text(right)), options);
        Infilled joined = magnet.infill(List.of(Part.text("Tom lost"), Part.gap(5), Part.text(right)), options);
        assertEquals(joined.fillings().getFirst(), " " + spaced.fillings().getFirst());
        assertEquals(joined.text(), spaced.text());
        assertEquals("Tom lost " + spaced.fillings().getFirst() + right, spaced.text());
        assertEquals(
                joined.spans().getFirst().tokens().stream().map(Token::id).toList(),
                spaced.spans().getFirst().tokens().stream().map(Token::id).toList());
        assertEquals(
                spaced.fillings().getFirst(), magnet.infillStreaming(spaced.parts(), options).text());
    }

    @Test
    void spaceBeforeAGapStaysWhereThatIsAsked() {
        assertEquals(
                layout(Part.text("Tom lost")).size() + 1, layout(Part.textKeepingSpace("Tom lost ")).size());
        assertEquals(layout(Part.text("Tom lost")), layout(Part.text("Tom lost ")));
        double moved = magnet.score("Tom lost ", "keys").getFirst().logprob();
        assertEquals(magnet.score("Tom lost", " keys").getFirst().logprob(), moved, 1e-6);
    }

    private static List<Slot> layout(Part left) {
        return magnet.layout(List.of(left, Part.gap(2), Part.text("home")), InfillContext.ORDERED);
    }

    @Test
    void openGapKeepsWithinItsRoom() {
        Span span = magnet.infill(List.of(Part.text("Tom"), Part.gapUpTo(5), Part.text("bed."))).spans().getFirst();
        assertTrue(span.tokens().size() <= 5);
        assertTrue(span.stop() == StopReason.LENGTH || span.stop() == StopReason.END);
    }

    @Test
    void shortcutGivesTheFillingOfOneOpenGap() {
        String left = "Tom lost his keys.";
        String right = " At last he slept.";
        assertEquals(
                magnet.infill(List.of(Part.text(left), Part.gap(), Part.text(right))).fillings().getFirst(),
                magnet.infill(left, right));
    }

    @Test
    void rightContextCountsUnlessItIsNotRead() {
        assertNotEquals(logprob("one thing", InfillContext.ORDERED), logprob("another", InfillContext.ORDERED), 1e-6);
        assertNotEquals(logprob("one thing", InfillContext.HYBRID), logprob("another", InfillContext.HYBRID), 1e-6);
        assertEquals(logprob("one thing", InfillContext.LEFT), logprob("another", InfillContext.LEFT), 1e-4);
    }

    private static double logprob(String right, InfillContext context) {
        List<Part> parts = List.of(Part.text("Tom lost his "), Part.filled("keys"), Part.text(right));
        return magnet.score(List.of(parts), ScoreOptions.defaults().withContext(context)).getFirst().logprob();
    }

    @Test
    void streamingTellsTheGapOfEveryToken() {
        List<Token> tokens = new ArrayList<>();
        Infilled infilled = magnet.infillStreaming(TWO_GAPS, InfillOptions.defaults()).forEach(tokens::add);
        assertEquals(List.of(1, 1, 1, 1, 3, 3, 3), tokens.stream().map(Token::part).toList());
        assertEquals(List.of(0, 1, 2, 3, 0, 1, 2), tokens.stream().map(Token::index).toList());
        assertEquals(
                infilled.spans().stream().flatMap(span -> span.tokens().stream()).map(Token::id).toList(),
                tokens.stream().map(Token::id).toList());
        assertEquals(
                String.join("", infilled.fillings()),
                magnet.infillStreaming(TWO_GAPS, InfillOptions.defaults()).text());
    }

    @Test
    void infillReportsTheScoreOfWhatItChose() {
        for (InfillContext context : List.of(InfillContext.ORDERED, InfillContext.HYBRID, InfillContext.LEFT)) {
            InfillOptions options = InfillOptions.defaults().withContext(context);
            List<Part> parts = List.of(Part.text("Tom lost his"), Part.gap(1), Part.text(" and slept."));
            Infilled infilled = magnet.infill(parts, options);
            String filling = infilled.fillings().getFirst();
            if (filling.contains("\uFFFD")) {
                continue; // half a character cannot be given back as text
            }
            Scored scored = magnet.score(
                            List.of(List.of(parts.get(0), Part.filled(filling), parts.get(2))),
                            ScoreOptions.defaults().withContext(context))
                    .getFirst();
            assertEquals(infilled.spans().getFirst().logprob(), scored.logprob(), 1e-3, context::toString);
        }
    }

    @Test
    void templateWithoutAGapIsRefused() {
        Failures.messageOf(Status.INVALID_ARGUMENT, () -> magnet.infill(List.of(Part.text("no gap"))));
        Failures.messageOf(Status.INVALID_ARGUMENT, () -> magnet.infill(List.of()));
    }

    @Test
    void filledGapIsRefusedWithItsIndex() {
        String message = Failures.messageOf(Status.INVALID_ARGUMENT, () ->
                magnet.infill(List.of(Part.gap(), Part.filled("keys"))));
        assertTrue(message.contains("part 1"), message);
    }

    @Test
    void gapBeyondTheContextIsRefused() {
        Failures.messageOf(Status.TOO_LONG, () ->
                magnet.infill(List.of(Part.text("a"), Part.gap(10 * TinyModel.CONTEXT), Part.text("b"))));
    }

    @Test
    void negativeLengthIsRefused() {
        Failures.messageOf(Status.INVALID_ARGUMENT, () -> magnet.infill(List.of(Part.text("a"), Part.gap(-1))));
    }

    @Test
    void nullsAreRefused() {
        assertThrows(NullPointerException.class, () -> magnet.infill(null, "right"));
        assertThrows(NullPointerException.class, () -> magnet.infill(TWO_GAPS, null));
        assertThrows(NullPointerException.class, () -> Part.text(null));
    }
}
