package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class FimTest {
    private static final List<Part> PARTS = List.of(Part.text("int a = "), Part.gapUpTo(6), Part.text(";"));
    private static final InfillOptions FIM = InfillOptions.defaults().withContext(InfillContext.FIM);

    @TempDir
    Path folder;

    private int models;

    private Magnet load() throws IOException {
        return load(TinyModel.options());
    }

    private Magnet load(LoadOptions options) throws IOException {
        Path model = TinyGguf.renamed(
                TinyModel.QWEN2,
                List.of("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>"),
                folder.resolve("fim" + models++ + ".gguf")); // Windows replaces no file that is mapped
        return Magnet.load(model, options);
    }

    private static int count(Magnet magnet, String... texts) {
        return Stream.of(texts).mapToInt(text -> magnet.tokenize(text).length).sum();
    }

    @Test
    void theModelSaysThatItFillsInTheMiddle() throws IOException {
        try (Magnet magnet = load()) {
            assertTrue(magnet.info().hasFimTokens());
            assertEquals(InfillContext.FIM, magnet.info().context());
            List<Integer> control = magnet.layout(PARTS, InfillContext.DEFAULT).stream()
                    .filter(slot -> slot.part() < 0)
                    .map(Slot::token)
                    .toList();
            assertEquals(List.of(0, 1, 2), control);
            Infilled infilled = magnet.infill(PARTS, FIM);
            assertEquals(infilled.fillings(), magnet.infill(PARTS).fillings());
            assertEquals(3 + count(magnet, "int a = ", ";"), infilled.usage().promptTokens());
        }
    }

    @Test
    void otherFilesAreToldToTheModel() throws IOException {
        try (Magnet magnet = load()) {
            InfillOptions options = FIM.withFim(FimOptions.none().withPath("b.c").withFiles(new FimFile("a.c", "int c;")));
            // <|file_sep|>a.c⏎int c;⏎<|file_sep|>b.c⏎ before the prompt
            assertEquals(
                    5 + count(magnet, "a.c\nint c;\n", "b.c\n", "int a = ", ";"),
                    magnet.infill(PARTS, options).usage().promptTokens());
            MagnetException e = assertThrows(
                    MagnetException.class,
                    () -> magnet.infill(PARTS, options.withContext(InfillContext.ORDERED)));
            assertEquals(Status.INVALID_ARGUMENT, e.status());
            assertTrue(e.getMessage().contains("fim.files"), e.getMessage());
        }
    }

    @Test
    void itIsNotForAdaptersThatReadBothWays() throws IOException {
        Path plain = TinyAdapter.write(folder.resolve("plain.gguf"), "qwen2", 1);
        Path recipe = TinyGguf.withNewNumber(plain, "magnet.recipe.version", 1, folder.resolve("recipe.gguf"));
        for (var part : List.of(List.of("instruction", ""), List.of("pooling", "mean"), List.of("attention", "causal"))) {
            recipe = TinyGguf.withText(recipe, "magnet." + part.get(0), part.get(1), folder.resolve(part.get(0) + ".gguf"));
        }
        Path adapter = TinyGguf.withText(recipe, "magnet.infill.context", "hybrid", folder.resolve("hybrid.gguf"));
        try (Magnet magnet = load();
                Magnet adapted = load(TinyModel.options().withAdapters(adapter))) {
            MagnetException e = assertThrows(MagnetException.class, () -> adapted.infill(PARTS, FIM));
            assertEquals(Status.INVALID_ARGUMENT, e.status());
            assertTrue(e.getMessage().contains("HYBRID") && e.getMessage().contains("Leave out the adapter"), e.getMessage());
            MessagesTest.assertSpeaksJava(e.getMessage());
            assertEquals(count(magnet, "int a =", ";"), adapted.infill(PARTS).usage().promptTokens());
            assertEquals(3 + count(magnet, "int a = ", ";"), magnet.infill(PARTS, FIM).usage().promptTokens());
        }
    }

    @Test
    void modelsWithoutTheTokensSayWhatTheyHave() {
        try (Magnet magnet = TinyModel.load()) {
            assertFalse(magnet.info().hasFimTokens());
            assertEquals(InfillContext.ORDERED, magnet.info().context());
            MagnetException e = assertThrows(MagnetException.class, () -> magnet.infill(PARTS, FIM));
            assertEquals(Status.UNSUPPORTED, e.status());
            assertTrue(e.getMessage().contains("this model has ORDERED, HYBRID and LEFT"), e.getMessage());
        }
    }
}
