package dev.magnet.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.magnet.FimFile;
import dev.magnet.FimOptions;
import dev.magnet.InfillContext;
import dev.magnet.InfillOptions;
import dev.magnet.LoadOptions;
import dev.magnet.Part;
import dev.magnet.TinyGguf;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What editors ask, of a random model whose vocabulary has tokens to fill in the middle. */
class FimServerTest {
    @TempDir
    static Path directory;

    private static TestServer server;

    @BeforeAll
    static void start() throws Exception {
        Path tiny = TestServer.TINY.resolveSibling("tiny-qwen2.gguf");
        List<String> tokens = List.of("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>");
        // No prefix is taken from a call before, so that equal requests have equal bits and count all tokens.
        server = TestServer.start(TinyGguf.renamed(tiny, tokens, directory.resolve("fim.gguf")),
                LoadOptions.defaults().withThreads(1).withReusePrefix(false), ServerOptions.defaults());
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static String expected(InfillOptions options, String left, int most, String right) {
        return server.magnet
                .infill(List.of(Part.text(left), Part.gapUpTo(most), Part.text(right)), options)
                .fillings()
                .getFirst();
    }

    @Test
    void gapIsFilledByThePromptOfTheModelsOwnTokens() {
        String request = "{'input_prefix': 'int a;\\n', 'prompt': 'a =', 'input_suffix': ';', 'n_predict': 8";
        InfillOptions fim = InfillOptions.defaults().withContext(InfillContext.FIM);
        JsonNode answer = server.post("/infill", request + "}").json();
        assertEquals(expected(fim, "int a;\na =", 8, ";"), answer.get("content").asText());
        int text = server.magnet.tokenize("int a;\na =").length + server.magnet.tokenize(";").length;
        assertEquals(3 + text, answer.get("tokens_evaluated").asInt());
        assertEquals(answer.get("content"), server.post("/infill", request + ", 'context': 'fim'}").json().get("content"));
        assertEquals(expected(fim.withContext(InfillContext.LEFT), "int a;\na =", 8, ";"),
                server.post("/infill", request + ", 'context': 'left'}").json().get("content").asText());
    }

    @Test
    void otherFilesHaveTokensOfTheirOwn() {
        String request = "{'input_extra': [{'filename': 'a.c', 'text': 'int c;', 'time': 7}], 'input_prefix': 'c =', 'input_suffix': ';',"
                + " 'n_predict': 6";
        InfillOptions fim = InfillOptions.defaults().withContext(InfillContext.FIM)
                .withFim(FimOptions.none().withFiles(new FimFile("a.c", "int c;")));
        JsonNode answer = server.post("/infill", request + "}").json();
        assertEquals(expected(fim, "c =", 6, ";"), answer.get("content").asText());
        JsonNode left = server.post("/infill", request + ", 'context': 'left'}").json();
        assertEquals(expected(InfillOptions.defaults().withContext(InfillContext.LEFT), "int c;\nc =", 6, ";"),
                left.get("content").asText());
        assertTrue(answer.get("tokens_evaluated").asInt() > left.get("tokens_evaluated").asInt());
    }

    @Test
    void whatDoesNotFitIsLeftOut() {
        String file = "{'filename': 'a.c', 'text': '" + "c".repeat(150) + "'}";
        JsonNode answer = server.post("/infill", "{'input_extra': [" + file + ", " + file + "], 'input_prefix': 'a', 'input_suffix': 'b',"
                + " 'n_predict': 4}").json();
        assertTrue(answer.get("truncated").asBoolean());
        int read = answer.get("tokens_evaluated").asInt();
        assertTrue(read > 150 && read < 256, "one of the two: " + read);
    }

    @Test
    void propsNameTheContext() {
        List<String> contexts = TestServer.JSON.convertValue(server.get("/props").json().get("contexts"),
                new com.fasterxml.jackson.core.type.TypeReference<>() {});
        assertTrue(contexts.contains("fim"), contexts.toString());
        try (TestServer plain = TestServer.tiny()) {
            assertFalse(plain.get("/props").text().contains("\"fim\""));
            assertEquals(400, plain.post("/infill", "{'input_prefix': 'a', 'context': 'fim'}").status());
        }
    }

    @Test
    void completionsWithASuffixAreFilledTheSameWay() {
        InfillOptions fim = InfillOptions.defaults().withContext(InfillContext.FIM);
        assertEquals(expected(fim, "int a = ", 8, ";"), server.post("/v1/completions",
                "{'prompt': 'int a = ', 'suffix': ';', 'max_tokens': 8}").json().at("/choices/0/text").asText());
    }
}
