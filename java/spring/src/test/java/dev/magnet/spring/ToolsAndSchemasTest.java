package dev.magnet.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.magnet.Answer;
import dev.magnet.DefaultModel;
import dev.magnet.Generated;
import dev.magnet.MagnetException;
import dev.magnet.Message;
import dev.magnet.Tool;
import dev.magnet.ToolCall;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.messages.ToolResponseMessage;
import org.springframework.ai.chat.messages.UserMessage;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.model.tool.ToolCallingChatOptions;
import org.springframework.ai.tool.ToolCallback;
import org.springframework.ai.tool.annotation.ToolParam;
import org.springframework.ai.tool.method.MethodToolCallbackProvider;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/**
 * Answers by a schema, and tools, with Spring AI's own client. What templates make of tools, the core's tests compare with Hugging
 * Face; a model that calls them is one that {@code -Dmagnet.chat.model=FILE} names.
 */
class ToolsAndSchemasTest {
    private final ApplicationContextRunner application = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(MagnetAutoConfiguration.class))
            .withPropertyValues("magnet.adapter=none", "magnet.chat.temperature=0", "magnet.chat.max-tokens=200");

    /** A tool as an application writes it; what it says is the answer: small models of code make nothing of it. */
    static class Weather {
        final List<String> cities = new ArrayList<>();

        @org.springframework.ai.tool.annotation.Tool(description = "Says what the weather is in a city.", returnDirect = true)
        String weatherIn(@ToolParam(description = "name of the city") String city) {
            cities.add(city);
            return "It snows, and it is -3 degrees.";
        }
    }

    private static List<ToolCallback> weather() {
        return List.of(MethodToolCallbackProvider.builder().toolObjects(new Weather()).build().getToolCallbacks());
    }

    record City(String name, int inhabitants, boolean capital) {}

    @Test
    void anAnswerIsARecord() {
        application.withPropertyValues("magnet.model=" + DefaultModel.path()).run(context -> {
            City city = ChatClient.create(context.getBean(ChatModel.class)).prompt("Tell me of Paris.").call()
                    .entity(City.class, how -> how.useProviderStructuredOutput());
            assertThat(city).isNotNull();
            assertThat(city.name()).isNotNull(); // the small model says what it likes, but in the schema's form
        });
    }

    @Test
    void toolsAreRefusedWhereTheTemplateDoesNotKnowThemOrASchemaStandsBeside() {
        application.withPropertyValues("magnet.model=" + DefaultModel.path()).run(context -> {
            var model = context.getBean(ChatModel.class);
            var tools = MagnetChatOptions.builder().toolCallbacks(weather());
            assertThatThrownBy(() -> model.call(new Prompt("?", tools.build())))
                    .isInstanceOf(MagnetException.class).hasMessageContaining("tools");
            assertThatThrownBy(() -> model.call(new Prompt("?", tools.outputSchema("{\"type\": \"object\"}").build())))
                    .isInstanceOf(UnsupportedOperationException.class).hasMessageContaining("schema");
            assertThatThrownBy(() -> model.call(new Prompt("?", MagnetChatOptions.builder().outputSchema("{\"type\": 3}").build())))
                    .isInstanceOf(MagnetException.class).hasMessageContaining("type");
        });
    }

    @Test
    @EnabledIfSystemProperty(named = "magnet.chat.model", matches = ".+")
    void aClientMakesTheCallsOfAModel() {
        application.withPropertyValues("magnet.model=" + System.getProperty("magnet.chat.model")).run(context -> {
            var client = ChatClient.create(context.getBean(ChatModel.class));
            var called = new Weather();
            assertThat(client.prompt("What is the weather in Oslo?").tools(called).call().content()).contains("-3");
            assertThat(called.cities).contains("Oslo");
            var streamed = new Weather();
            List<String> parts = client.prompt("What is the weather in Oslo?").tools(streamed).stream().content().collectList().block();
            assertThat(String.join("", parts)).contains("-3").doesNotContain("arguments");
            assertThat(streamed.cities).contains("Oslo");
        });
    }

    @Test
    void messagesCallsAndResultsAreTurns() {
        var assistant = AssistantMessage.builder().content("Let me see.").toolCalls(List.of(
                new AssistantMessage.ToolCall("1", "function", "weatherIn", "{\"city\": \"Oslo\"}"),
                new AssistantMessage.ToolCall("2", "function", "now", ""))).build();
        var results = ToolResponseMessage.builder().responses(List.of(
                new ToolResponseMessage.ToolResponse("1", "weatherIn", "snow"),
                new ToolResponseMessage.ToolResponse("2", "now", "10:14"))).build();
        assertThat(Conversation.of(List.of(new UserMessage("?"), assistant, results))).containsExactly(
                Message.user("?"),
                Message.assistant("Let me see.", List.of(
                        new ToolCall("1", "weatherIn", "{\"city\": \"Oslo\"}", ""), new ToolCall("2", "now", "{}", ""))),
                new Message("tool", "snow", List.of(), "1"),
                new Message("tool", "10:14", List.of(), "2"));
        List<Tool> tools = Conversation.tools(MagnetChatOptions.builder().toolCallbacks(weather()).build());
        assertThat(tools).extracting(Tool::name).containsExactly("weatherIn");
        assertThat(tools.getFirst().description()).isEqualTo("Says what the weather is in a city.");
        assertThat(tools.getFirst().parameters()).contains("\"city\"").contains("name of the city");
    }

    @Test
    void callsOfAnAnswerAreReturned() {
        List<AssistantMessage.ToolCall> calls = Conversation.calls(new Answer((Generated) null, "I look.", List.of(
                new ToolCall(null, "a", "{\"x\":1}", "-"), new ToolCall(null, null, null, "{"), new ToolCall(null, "a", "{}", "-"))));
        assertThat(calls).extracting(AssistantMessage.ToolCall::name).containsExactly("a", "a");
        assertThat(calls).extracting(AssistantMessage.ToolCall::arguments).containsExactly("{\"x\":1}", "{}");
        assertThat(calls).extracting(AssistantMessage.ToolCall::id).doesNotHaveDuplicates();
    }

    @Test
    void optionsOfAnyKindAreUnderstood() {
        MagnetChatOptions all = MagnetChatOptions.builder()
                .model("m").temperature(0.5).topK(3).topP(0.9).maxTokens(7).frequencyPenalty(0.1).presencePenalty(0.2)
                .stopSequences(List.of("x")).toolCallbacks(weather()).toolContext(Map.of("k", 1)).outputSchema("{}").build();
        assertThat(all.mutate().build()).isEqualTo(all).hasSameHashCodeAs(all);
        assertThat(all.mutate().outputSchema(null).build()).isNotEqualTo(all);
        assertThat(MagnetChatOptions.builder().combineWith(all.mutate()).build()).isEqualTo(all);
        assertThat(all.mutate().combineWith(ChatOptions.builder().topK(4)).build().getTopK()).isEqualTo(4);
        assertThat(all.mutate().combineWith(ChatOptions.builder().topK(4)).build().getOutputSchema()).isEqualTo("{}");
        ToolCallingChatOptions other = ToolCallingChatOptions.builder().toolCallbacks(weather()).build();
        application.withPropertyValues("magnet.model=" + Path.of("nowhere.gguf"), "magnet.lazy=true").run(context -> {
            var settings = new ChatSettings(context.getBean(MagnetProperties.class), context.getBean(MagnetReference.class));
            assertThat(settings.merged(other).getToolCallbacks()).hasSize(1);
            assertThat(settings.merged(other).getMaxTokens()).isEqualTo(200);
            assertThat(settings.merged(all.mutate().model(null).build())).isEqualTo(all.mutate().model("nowhere.gguf").build());
            assertThatThrownBy(() -> settings.merged(all))
                    .isInstanceOf(IllegalArgumentException.class).hasMessage("model \"m\" is not loaded; nowhere.gguf is");
            assertThat(context).hasSingleBean(ChatModel.class);
        });
    }
}
