package dev.magnet.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.magnet.Message;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Prompts and answers with tools, against what Hugging Face's rendering of Qwen2.5's template says. */
class ToolsTest {
    private static final ToolSpecification WEATHER = ToolSpecification.builder()
            .name("getWeather")
            .description("The weather.")
            .parameters(JsonObjectSchema.builder().addStringProperty("city").required("city").build())
            .build();

    private static final List<ToolSpecification> TOOLS = List.of(
            ToolSpecification.builder().name("a").parameters(JsonObjectSchema.builder().addIntegerProperty("x").build()).build(),
            ToolSpecification.builder().name("b").build());

    @Test
    void definitionsAreAsTheTemplateHasThem() {
        assertThat(Tools.definitions(List.of(WEATHER))).isEqualTo("""


                # Tools

                You may call one or more functions to assist with the user query.

                You are provided with function signatures within <tools></tools> XML tags:
                <tools>
                {"type": "function", "function": {"name": "getWeather", "description": "The weather.", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
                </tools>

                For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:
                <tool_call>
                {"name": <function-name>, "arguments": <args-json-object>}
                </tool_call>""");
    }

    @Test
    void callsAndResultsAreTurns() {
        var one = ToolExecutionRequest.builder().id("1").name("getWeather").arguments("{\"city\": \"Munich\"}").build();
        var two = ToolExecutionRequest.builder().id("2").name("now").arguments("").build();
        List<Message> conversation = Conversation.of(List.of(
                UserMessage.from("?"),
                AiMessage.from("Let me see.", List.of(one, two)),
                ToolExecutionResultMessage.from(one, "sunny"),
                ToolExecutionResultMessage.from(two, "10:14")));
        assertThat(conversation).containsExactly(
                Message.user("?"),
                Message.assistant("""
                        Let me see.
                        <tool_call>
                        {"name": "getWeather", "arguments": {"city": "Munich"}}
                        </tool_call>
                        <tool_call>
                        {"name": "now", "arguments": {}}
                        </tool_call>"""),
                Message.user("""
                        <tool_response>
                        sunny
                        </tool_response>
                        <tool_response>
                        10:14
                        </tool_response>"""));
    }

    @Test
    void answersAreTakenApart() {
        Tools.Answer answer = Tools.read("I look.\n<tool_call>\n{\"name\": \"a\", \"arguments\": {\"x\": 1}}\n</tool_call>\n"
                + "<tool_call>\n{\"name\": \"b\", \"arguments\": {\"y\": 2}}\n</tool_call>", TOOLS);
        assertThat(answer.text()).isEqualTo("I look.");
        assertThat(answer.calls()).extracting(ToolExecutionRequest::name).containsExactly("a", "b");
        assertThat(answer.calls()).extracting(ToolExecutionRequest::arguments).containsExactly("{\"x\":1}", "{}");
        assertThat(answer.calls()).extracting(ToolExecutionRequest::id).doesNotHaveDuplicates();
    }

    @Test
    void aCallThatIsNoneStaysText() {
        for (String text : List.of("<tool_call>\nnonsense\n</tool_call>", "a <tool_call>{\"name\": 3}</tool_call> b", "<tool_call>", "plain",
                "{\"name\": \"unknown\", \"arguments\": {}}", "{\"name\": \"a\"} and more")) {
            assertThat(Tools.read(text, TOOLS)).isEqualTo(new Tools.Answer(text, List.of()));
        }
    }

    @Test
    void aCallWithoutItsTagsIsOne() {
        String call = "{\"name\": \"a\", \"arguments\": {\"x\": 1}}";
        for (String text : List.of(call, "\n" + call + "\n", "```json\n" + call + "\n```")) {
            Tools.Answer answer = Tools.read(text, TOOLS);
            assertThat(answer.calls()).extracting(ToolExecutionRequest::arguments).containsExactly("{\"x\":1}");
            assertThat(answer.text()).isEmpty();
            var filter = new ToolTextFilter();
            for (int i = 0; i < text.length(); i++) {
                assertThat(filter.next(text.substring(i, i + 1))).isEmpty();
            }
        }
    }

    @Test
    void aStreamShowsTextAndKeepsCallsBack() {
        var filter = new ToolTextFilter();
        var shown = new StringBuilder();
        for (String piece : "I < you.\n<tool_call>\n{}".split("(?<=.)")) {
            shown.append(filter.next(piece));
        }
        assertThat(shown).hasToString("I < you.");
        var other = new ToolTextFilter();
        assertThat(other.next("a <tool") + other.rest()).isEqualTo("a <tool");
    }
}
