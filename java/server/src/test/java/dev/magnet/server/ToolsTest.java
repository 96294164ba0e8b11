package dev.magnet.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.magnet.LoadOptions;
import dev.magnet.TinyGguf;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Calls of tools over HTTP, whole and streamed, of a random model whose template knows tools. */
class ToolsTest {
    private static final String REQUEST = "{'messages': [{'role': 'user', 'content': 'x'}, {'role': 'assistant', 'tool_calls': [{'id': 'i',"
            + " 'type': 'function', 'function': {'name': 's', 'arguments': '{}'}}]}, {'role': 'tool', 'tool_call_id': 'i', 'content': 'y'}],"
            + " 'tools': [{'type': 'function', 'function': {'name': 's', 'parameters': {'properties': {'on': {'enum': [true]}},"
            + " 'required': ['on']}}}], 'max_tokens': 200, 'temperature': 0, 'tool_choice': ";

    @TempDir
    static Path directory;

    private static TestServer server;

    @BeforeAll
    static void start() throws Exception {
        Path tiny = TestServer.TINY.resolveSibling("tiny-qwen2.gguf");
        String template = "{% if tools %}{{ tools[0].function.name }}{% endif %}{% for m in messages %}{{ m.content }}{{ m.tool_calls | length }}{% endfor %}<tool_call>";
        server = TestServer.start(
                TinyGguf.withText(tiny, "tokenizer.chat_template", template, directory.resolve("tools.gguf")),
                LoadOptions.defaults().withThreads(1), ServerOptions.defaults());
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Test
    void aForcedCallIsAnswered() {
        for (String choice : List.of("'required'", "{'type': 'function', 'function': {'name': 's'}}")) {
            JsonNode answer = server.post("/v1/chat/completions", REQUEST + choice + "}").json();
            checkCall(answer.at("/choices/0/message"), answer.toString());
            assertEquals("tool_calls", answer.at("/choices/0/finish_reason").asText());
            assertEquals(List.of(), List.copyOf(OpenApi.schema("ChatAnswer").validate(answer)));
        }
    }

    @Test
    void aStreamBringsTheCallInPieces() throws Exception {
        List<JsonNode> events = server.post("/v1/chat/completions", REQUEST + "'required', 'stream': true, 'logprobs': true}").events().stream()
                .filter(event -> !event.equals("[DONE]"))
                .map(event -> new TestServer.Answer(200, "", event, null).json())
                .toList();
        String shown = events.toString();
        var arguments = new StringBuilder();
        int pieces = 0;
        int tokens = 0;
        for (JsonNode event : events) {
            JsonNode call = event.at("/choices/0/delta/tool_calls/0");
            assertEquals("", event.at("/choices/0/delta/content").asText(), shown);
            assertEquals(call.isMissingNode() || pieces > 0, call.path("id").isMissingNode(), "the first piece has the id: " + shown);
            if (call.has("id")) {
                assertEquals("s", call.at("/function/name").asText());
                assertEquals(9, call.get("id").asText().length());
            }
            arguments.append(call.at("/function/arguments").asText());
            pieces += call.isMissingNode() ? 0 : 1;
            tokens += event.at("/choices/0/logprobs/content").size();
        }
        assertTrue(pieces > 5, shown);
        assertTrue(TestServer.JSON.readTree(arguments.toString()).get("on").asBoolean(), shown);
        assertEquals("tool_calls", events.getLast().at("/choices/0/finish_reason").asText());
        JsonNode whole = server.post("/v1/chat/completions", REQUEST + "'required'}").json();
        assertEquals(whole.at("/usage/completion_tokens").asInt(), tokens, "every token's probability is told once");
    }

    @Test
    void whatIsCutEndsWithLength() {
        List<String> events = server.post("/v1/chat/completions", REQUEST.replace("200", "44") + "'required', 'stream': true}").events();
        assertTrue(events.get(events.size() - 2).contains("\"finish_reason\":\"length\""), events.toString());
        assertTrue(events.stream().anyMatch(event -> event.contains("tool_calls")), events.toString());
    }

    @Test
    void warmingACacheTakesOneToken() {
        String request = REQUEST.replace("'max_tokens': 200, ", "") + "'none', 'n_predict': ";
        assertEquals(1, server.post("/v1/chat/completions", request + "0}").json().at("/usage/completion_tokens").asInt());
        assertEquals(3, server.post("/v1/chat/completions", request + "3}").json().at("/usage/completion_tokens").asInt());
    }

    @Test
    void promptIsThatOfTheTemplate() {
        String prompt = server.post("/apply-template", REQUEST + "'auto'}").json().get("prompt").asText();
        assertTrue(prompt.startsWith("sx0") && prompt.endsWith("y0<tool_call>"), prompt);
        assertEquals(400, server.post("/apply-template", "{'messages': []}").status());
    }

    /** Also what it makes of tools, whole and streamed. */
    @Test
    void openAisPythonClientReadsCalls() throws Exception {
        String output = Programs.openAi("openai_tools.py", server.server.address());
        assertTrue(output.endsWith("as expected"), output);
    }

    @Test
    void whatIsNoCallIsContent() {
        JsonNode answer = server.post("/v1/chat/completions", REQUEST.replace("200", "5") + "'required'}").json();
        assertTrue(answer.at("/choices/0/message/content").asText().startsWith("<"), answer.toString());
        assertEquals("length", answer.at("/choices/0/finish_reason").asText());
        assertEquals(400, server.post("/v1/chat/completions", REQUEST + "{'type': 'function', 'function': {'name': 'other'}}}").status());
        assertEquals(200, server.post("/v1/chat/completions", REQUEST + "'none'}").status());
    }

    private static void checkCall(JsonNode message, String shown) {
        JsonNode call = message.at("/tool_calls/0");
        assertEquals("s", call.at("/function/name").asText(), shown);
        assertEquals("{\"on\":true}", call.at("/function/arguments").asText(), shown);
        assertEquals(9, call.get("id").asText().length());
        assertTrue(message.get("content").isNull(), shown);
    }
}
