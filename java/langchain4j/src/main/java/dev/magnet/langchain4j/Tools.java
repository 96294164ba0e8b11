package dev.magnet.langchain4j;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.MinimalPrettyPrinter;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.magnet.Magnet;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Tools in the form that Hermes began and Qwen's chat templates have: definitions in the system message, calls and results
 * as JSON between tags. Models whose template has no {@code <tool_call>} were not taught it.
 */
final class Tools {
    static final String BEGIN = "<tool_call>";
    private static final String END = "</tool_call>";
    private static final Pattern FENCE = Pattern.compile("^```\\w*\\s(.*)```$", Pattern.DOTALL);
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();
    private static final ObjectWriter SPACED = JSON.writer(new SpacedPrinter());

    /** Text of an answer, and the tools that it calls. */
    record Answer(String text, List<ToolExecutionRequest> calls) {}

    private Tools() {}

    /** Whether the model's template knows them. */
    static boolean areKnownTo(Magnet magnet) {
        String template = magnet.metadata().getOrDefault("tokenizer.chat_template", "");
        return template.contains("tools") && template.contains(BEGIN);
    }

    /** What stands behind the system message. */
    static String definitions(List<ToolSpecification> tools) {
        var text = new StringBuilder("\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
                + "You are provided with function signatures within <tools></tools> XML tags:\n<tools>");
        for (ToolSpecification tool : tools) {
            Map<String, Object> function = new LinkedHashMap<>();
            function.put("name", tool.name());
            if (tool.description() != null) {
                function.put("description", tool.description());
            }
            function.put("parameters", Schemas.of(tool.parameters()));
            Map<String, Object> definition = new LinkedHashMap<>();
            definition.put("type", "function");
            definition.put("function", function);
            text.append("\n").append(json(definition));
        }
        return text + "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
                + "<tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": "
                + "<args-json-object>}\n</tool_call>";
    }

    /** A call, as the model wrote it. */
    static String call(ToolExecutionRequest request) {
        String arguments = request.arguments() == null || request.arguments().isBlank() ? "{}" : request.arguments();
        return BEGIN + "\n{\"name\": " + json(request.name()) + ", \"arguments\": " + arguments + "}\n" + END;
    }

    /** A tool's result, as a message of the user. */
    static String result(String text) {
        return "<tool_response>\n" + text + "\n</tool_response>";
    }

    /** One call of one of the tools, and nothing else. */
    static String grammar(List<ToolSpecification> tools) {
        return JsonGrammar.anyOf(tools.stream()
                .map(tool -> new JsonGrammar.Framed(
                        BEGIN + "\n{\"name\": " + json(tool.name()) + ", \"arguments\": ", Schemas.of(tool.parameters()),
                        "}\n" + END))
                .toList());
    }

    /**
     * Takes an answer apart. A call that is none stays text. Small models forget the tags: an answer that is nothing but a
     * call of one of the tools, be it in a fence, is one.
     */
    static Answer read(String answer, List<ToolSpecification> tools) {
        ToolExecutionRequest bare = parsed(FENCE.matcher(answer.strip()).replaceFirst("$1"), tools);
        return bare != null ? new Answer("", List.of(bare)) : readTagged(answer, tools);
    }

    private static Answer readTagged(String answer, List<ToolSpecification> tools) {
        var text = new StringBuilder();
        List<ToolExecutionRequest> calls = new ArrayList<>();
        int at = 0;
        for (int begin = answer.indexOf(BEGIN); begin >= 0; begin = answer.indexOf(BEGIN, at)) {
            int end = answer.indexOf(END, begin);
            int next = end < 0 ? answer.length() : end + END.length();
            ToolExecutionRequest call = parsed(answer.substring(begin + BEGIN.length(), end < 0 ? answer.length() : end), tools);
            text.append(answer, at, call == null ? next : begin);
            if (call != null) {
                calls.add(call);
            }
            at = next;
        }
        return new Answer(text.append(answer.substring(at)).toString().strip(), calls);
    }

    private static @Nullable ToolExecutionRequest parsed(String json, List<ToolSpecification> tools) {
        try {
            JsonNode call = JSON.readTree(json);
            String name = call == null ? "" : call.path("name").asText();
            ToolSpecification tool = tools.stream().filter(one -> one.name().equals(name)).findFirst().orElse(null);
            if (tool == null) {
                return null;
            }
            boolean takesArguments = tool.parameters() != null && !tool.parameters().properties().isEmpty();
            JsonNode arguments = takesArguments ? call.path("arguments") : JSON.createObjectNode();
            return ToolExecutionRequest.builder()
                    .id("call_" + UUID.randomUUID())
                    .name(name)
                    .arguments(arguments.isObject() ? arguments.toString() : "{}")
                    .build();
        } catch (JsonProcessingException e) {
            return null;
        }
    }

    private static String json(Object value) {
        try {
            return SPACED.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(e);
        }
    }

    /** Spaces as in Python's {@code json.dumps}, which the models were taught with. */
    private static final class SpacedPrinter extends MinimalPrettyPrinter {
        private static final long serialVersionUID = 1;

        @Override
        public void writeObjectFieldValueSeparator(JsonGenerator out) throws IOException {
            out.writeRaw(": ");
        }

        @Override
        public void writeObjectEntrySeparator(JsonGenerator out) throws IOException {
            out.writeRaw(", ");
        }

        @Override
        public void writeArrayValueSeparator(JsonGenerator out) throws IOException {
            out.writeRaw(", ");
        }
    }
}
