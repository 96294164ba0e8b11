package dev.magnet.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.Tool;
import dev.magnet.ToolCall;
import dev.magnet.ToolChoice;
import dev.magnet.server.http.Fields;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads OpenAI's fields of tools.
 *
 * @param offered empty = none
 * @param choice whether one is called
 */
public record ToolFields(List<Tool> offered, ToolChoice choice) {
    private static final int MOST_TOOLS = 128;

    /** The tools of a request. */
    public static ToolFields of(Fields fields) {
        List<Tool> tools = new ArrayList<>();
        for (Fields tool : fields.objects("tools", MOST_TOOLS)) {
            if (!tool.text("type").equals("function")) {
                throw tool.wrong("type", "\"function\" is wanted");
            }
            Fields function = function(tool);
            JsonNode parameters = function.any("parameters");
            if (parameters != null && !parameters.isObject()) {
                throw function.wrong("parameters", "a JSON schema is wanted");
            }
            tools.add(new Tool(
                    function.text("name"),
                    function.text("description", ""),
                    parameters == null ? "{\"type\": \"object\", \"properties\": {}}" : parameters.toString()));
        }
        ToolChoice choice = choice(fields);
        boolean forced = choice instanceof ToolChoice.Required || choice instanceof ToolChoice.Named;
        if (forced && tools.isEmpty()) {
            throw fields.wrong("tool_choice", "there are no tools to call; name them in field \"tools\"");
        }
        return new ToolFields(choice instanceof ToolChoice.None ? List.of() : tools, choice);
    }

    /** Whether a call is forced. */
    boolean isForced() {
        return choice instanceof ToolChoice.Required || choice instanceof ToolChoice.Named;
    }

    private static Fields function(Fields of) {
        Fields function = of.object("function");
        if (function == null) {
            throw of.wrong("function", "an object with a \"name\" is wanted");
        }
        return function;
    }

    private static ToolChoice choice(Fields fields) {
        if (fields.any("tool_choice") instanceof ObjectNode) {
            return ToolChoice.tool(function(fields.object("tool_choice")).text("name"));
        }
        return switch (fields.text("tool_choice", "auto")) {
            case "auto" -> ToolChoice.auto();
            case "none" -> ToolChoice.none();
            case "required" -> ToolChoice.required();
            default -> throw fields.wrong("tool_choice", "\"auto\", \"none\", \"required\" or a tool is wanted");
        };
    }

    /** What the assistant called in a message. */
    static List<ToolCall> calls(Fields message) {
        List<ToolCall> calls = new ArrayList<>();
        for (Fields call : message.objects("tool_calls", MOST_TOOLS)) {
            Fields function = function(call);
            @Nullable JsonNode arguments = function.any("arguments");
            String json = arguments == null ? "{}" : arguments.isTextual() ? arguments.textValue() : arguments.toString();
            calls.add(new ToolCall(call.text("id", null), function.text("name"), json, ""));
        }
        return calls;
    }
}
