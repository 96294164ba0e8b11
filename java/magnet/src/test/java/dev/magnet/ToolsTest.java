package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tools: how they are told to the model's template, and calls that are forced, read, and answered. */
class ToolsTest {
    private static final String TEMPLATE = "{{ tools | tojson }}{% for m in messages %}[{{ m.role }}{{ m.tool_call_id }}:{{ m.content }}"
            + "{% for c in m.tool_calls %}<tool_call>{{ c.function.arguments | tojson }}{% endfor %}]{% endfor %}";
    private static final Tool SWITCH = new Tool(
            "switch_light", "Turns \"it\" on\nor off",
            "{\"type\": \"object\", \"properties\": {\"on\": {\"type\": \"boolean\"}}, \"required\": [\"on\"]}");
    private static final Tool NOW = new Tool("now", "", "{}");
    private static final List<Message> ASKED = List.of(Message.user("x"));

    @TempDir
    static Path directory;

    private static Magnet magnet;

    @BeforeAll
    static void load() throws Exception {
        Path file = TinyGguf.withText(
                TinyModel.QWEN2, "tokenizer.chat_template", TEMPLATE, directory.resolve("tools.gguf"));
        magnet = Magnet.load(file, TinyModel.options());
    }

    @AfterAll
    static void close() {
        magnet.close();
    }

    @Test
    void theTemplateIsToldOfToolsCallsAndResults() {
        var call = new ToolCall("id7", "switch_light", "{\"on\": true}", "");
        String prompt = magnet.chatPrompt(
                List.of(Message.user("x"), Message.assistant("", List.of(call)), Message.tool(call, "done")),
                List.of(SWITCH, NOW), true);
        assertEquals("[{\"type\": \"function\", \"function\": {\"name\": \"switch_light\", \"description\": \"Turns \\\"it\\\" on\\nor off\","
                + " \"parameters\": " + SWITCH.parameters() + "}}, {\"type\": \"function\", \"function\": {\"name\": \"now\","
                + " \"description\": \"\", \"parameters\": {}}}][user:x][assistant:<tool_call>{\"on\": true}][toolid7:done]", prompt);
    }

    @Test
    void aForcedCallIsACall() throws Exception {
        var small = new Tool("s", "", "{\"required\":[\"on\"],\"properties\":{\"on\":{\"type\":\"boolean\"}}}"); // the model reads 256 bytes
        int complete = 0;
        for (int seed = 0; seed < 10; seed++) {
            GenerateOptions options = GenerateOptions.defaults().withTemperature(2).withSeed(seed).withMaxTokens(-1);
            Answer answer = magnet.chat(ASKED, List.of(small), ToolChoice.tool("s"), options).result();
            if (answer.generated().stop() == StopReason.GRAMMAR) {
                complete++;
                ToolCall call = answer.toolCalls().getFirst();
                assertEquals("s", call.name());
                assertTrue(new ObjectMapper().readTree(call.arguments()).get("on").isBoolean(), call.arguments());
                assertEquals("", answer.content());
            }
        }
        assertTrue(complete > 0);
        Answer cut = magnet.chat(
                ASKED, List.of(small), ToolChoice.required(), GenerateOptions.defaults().withMaxTokens(20)).result();
        assertFalse(cut.toolCalls().getFirst().isReadable());
        assertTrue(cut.toolCalls().getFirst().text().startsWith("{\"nam"), cut.toolCalls().toString());
    }

    @Test
    void callsOfXmlAreReadByTheSchemaOfTheTool() throws Exception {
        Path file = TinyGguf.withText(
                TinyModel.LLAMA, "tokenizer.chat_template", "{{ tools }}<tool_call><function=<parameter=", directory.resolve("xml.gguf"));
        var tool = new Tool("f", "", "{\"properties\": {\"text\": {\"type\": \"string\", \"enum\": [\"1\"]}, \"n\": {\"enum\": [2]}},"
                + " \"required\": [\"text\", \"n\"]}");
        try (Magnet xml = Magnet.load(file, TinyModel.options())) {
            Answer answer = xml.chat(ASKED, List.of(tool), ToolChoice.required(), GenerateOptions.defaults().withMaxTokens(-1)).result();
            ToolCall call = answer.toolCalls().getFirst();
            assertEquals("{\"text\":\"1\",\"n\":2}", call.arguments());
            assertEquals("<function=f>\n<parameter=text>\n1\n</parameter>\n<parameter=n>\n2\n</parameter>\n</function>",
                    call.text().replaceAll("2\\s+<", "2\n<")); // white space behind JSON is as the model likes
            assertEquals("{\"text\":1,\"n\":2}", xml.readCalls(answer.generated(), List.of()).toolCalls().getFirst().arguments());
            Answer cut = xml.chat(ASKED, List.of(tool), ToolChoice.required(), GenerateOptions.defaults().withMaxTokens(40)).result();
            assertFalse(cut.toolCalls().getFirst().isReadable());
            assertTrue(cut.toolCalls().getFirst().text().startsWith("<function=f>"), cut.toolCalls().toString());
        }
    }

    @Test
    void whatCannotBeIsSaid() {
        GenerateOptions options = GenerateOptions.defaults();
        assertTrue(failure(() -> magnet.chat(ASKED, List.of(SWITCH), ToolChoice.tool("other"), options)).contains("\"other\""));
        assertTrue(failure(() -> magnet.chat(ASKED, List.of(SWITCH), ToolChoice.required(), options.withSchema("{}"))).contains("schema"));
        assertTrue(failure(() -> magnet.chat(ASKED, List.of(new Tool("f", "", "[")), ToolChoice.auto(), options)).contains("line 1"));
        assertEquals("", magnet.chat(ASKED, List.of(SWITCH), ToolChoice.none(), options.withMaxTokens(0)).result().content());
    }

    private static String failure(org.junit.jupiter.api.function.Executable call) {
        MagnetException e = assertThrows(MagnetException.class, call);
        assertEquals(Status.INVALID_ARGUMENT, e.status());
        MessagesTest.assertSpeaksJava(e.getMessage());
        return e.getMessage();
    }
}
