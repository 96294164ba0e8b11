package dev.magnet.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.magnet.Answer;
import dev.magnet.Message;
import dev.magnet.Tool;
import dev.magnet.ToolCall;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Tools, calls and results in the words of either side. What templates make of them, the core's tests compare with Hugging Face. */
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
    void definitionsAreToolsOfTheCore() {
        assertThat(Tools.of(List.of(WEATHER, TOOLS.get(1)))).containsExactly(
                new Tool("getWeather", "The weather.",
                        "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}"),
                new Tool("b", "", "{\"type\":\"object\",\"properties\":{}}"));
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
                Message.assistant("Let me see.", List.of(
                        new ToolCall("1", "getWeather", "{\"city\": \"Munich\"}", ""), new ToolCall("2", "now", "{}", ""))),
                new Message("tool", "sunny", List.of(), "1"),
                new Message("tool", "10:14", List.of(), "2"));
    }

    private static AiMessage message(String content, ToolCall... calls) {
        return Tools.message(new Answer(null, content, List.of(calls)), TOOLS);
    }

    @Test
    void answersAreTakenApart() {
        AiMessage message = message("I look.",
                new ToolCall(null, "a", "{\"x\":1}", "-"), new ToolCall(null, "b", "{\"y\":2}", "-"));
        assertThat(message.text()).isEqualTo("I look.");
        assertThat(message.toolExecutionRequests()).extracting(ToolExecutionRequest::name).containsExactly("a", "b");
        assertThat(message.toolExecutionRequests()).extracting(ToolExecutionRequest::arguments).containsExactly("{\"x\":1}", "{}");
        assertThat(message.toolExecutionRequests()).extracting(ToolExecutionRequest::id).doesNotHaveDuplicates();
        assertThat(message("", new ToolCall(null, "a", "{}", "-")).text()).isNull();
    }

    @Test
    void aCallThatIsNoneStaysText() {
        AiMessage message = message("I look.", new ToolCall(null, null, null, "{\"name\": 3}"));
        assertThat(message.text()).isEqualTo("I look.\n{\"name\": 3}");
        assertThat(message.hasToolExecutionRequests()).isFalse();
        assertThat(message("").text()).isEmpty();
    }
}
