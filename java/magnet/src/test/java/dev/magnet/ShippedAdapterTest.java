package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the adapter of this repository does for the default model. */
@Timeout(300)
class ShippedAdapterTest {
    private static final List<Part> STORY = List.of(
            Part.text("The bus broke down two miles before the village."),
            Part.filled(" So everyone had to walk."),
            Part.text(" They were tired when they reached the market on foot."));

    private static Magnet magnet;

    @BeforeAll
    static void load() {
        magnet = Magnet.load(DefaultModel.path(), LoadOptions.defaults().withAdapters(DefaultModel.adapter()));
    }

    @AfterAll
    static void close() {
        if (magnet != null) {
            magnet.close();
        }
    }

    @Test
    void whatMeansTheSameIsCloserThanWhatDoesNot() {
        assertTrue(marginOfMeaning(EmbedOptions.defaults()) > 0.2);
        assertTrue(marginOfMeaning(EmbedOptions.defaults().withAdapters()) < 0, "the bare model cannot tell");
    }

    private static double marginOfMeaning(EmbedOptions options) {
        float[][] v = magnet.embed(
                List.of(
                        "Owing to fog, the ferry did not sail.",
                        "The boat stayed in the harbour because of the weather.",
                        "My sister collects foreign stamps.",
                        "A cat sleeps."),
                options);
        return Similarity.cosine(v[0], v[1]) - Similarity.cosine(v[2], v[3]);
    }

    @Test
    void sightOfTheRightSideMakesTheTrueSentenceLikelier() {
        double left = score(InfillContext.LEFT);
        assertTrue(score(InfillContext.ORDERED) > left);
        assertTrue(score(InfillContext.HYBRID) > left);
    }

    private static double score(InfillContext context) {
        return magnet.score(List.of(STORY), ScoreOptions.defaults().withContext(context)).getFirst().logprob();
    }

    @Test
    void itIsSwitchedOffForACall() {
        float[] with = magnet.embed("A cat sleeps.");
        float[] without = magnet.embed("A cat sleeps.", EmbedOptions.defaults().withAdapters());
        assertTrue(Similarity.cosine(with, without) < 0.9);
        assertEquals(with.length, without.length);
    }

    @Test
    void theModelStillCounts() {
        GenerateOptions greedy = GenerateOptions.defaults().withTemperature(0).withMaxTokens(6);
        assertTrue(magnet.generate("1, 2, 3, 4, 5,", greedy).text().startsWith(" 6, 7"));
    }
}
