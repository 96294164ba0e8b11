#include "tools.h"

#include "base/error.h"
#include "schema/schema.h"
#include "tool-xml.h"

#include <algorithm>

namespace magnet {

using json = nlohmann::ordered_json;

namespace {

[[noreturn]] void refuse(const std::string & what) {
    throw error(MAGNET_STATUS_INVALID_ARGUMENT, what + ".");
}

// The definition itself: templates of some models are shown it bare.
const json & function_of(const json & tool) {
    return tool.is_object() && tool.contains("function") ? tool["function"] : tool;
}

std::string name_of(const json & function, const std::string & where) {
    if (!function.is_object() || !function.contains("name") || !function["name"].is_string() ||
        function["name"].get_ref<const std::string &>().empty()) {
        refuse(where + " must be {\"type\": \"function\", \"function\": {\"name\": \"…\", …}}");
    }
    return function["name"];
}

void add_json_call(schema::grammar_rules & rules, const std::string & rule, const json & function, const std::string & key) {
    json parameters = function.contains("parameters") ? function["parameters"] : json::object();
    if (!parameters.contains("type")) {
        parameters["type"] = "object";
    }
    const std::string arguments = rules.add_schema(rule + "-" + key, parameters);
    rules.add_rule(rule, schema::literal("{\"name\": " + function["name"].dump() + ", \"" + key + "\": ") + " " + arguments + " " +
                             schema::literal("}"));
}

json list_of(const char * text, const std::string & what) {
    json list = schema::parse(text, what);
    if (!list.is_array()) {
        refuse(what + " must be an array");
    }
    return list;
}

} // namespace

tool_format tool_format_of(const std::string & chat_template) {
    const auto has = [&](const char * text) { return chat_template.find(text) != std::string::npos; };
    if (!has("tools")) {
        throw error(MAGNET_STATUS_UNSUPPORTED, "the model's chat template does not speak of tools: the model does not know how to "
                                               "call them.");
    }
    return has("<tool_call>") && has("<function=") && has("<parameter=") ? tool_format::XML
           : has("<tool_call>")    ? tool_format::TAGGED
           : has("[TOOL_CALLS]")   ? tool_format::LISTED
           : has("\"parameters\"") ? tool_format::PARAMETERS
                                   : tool_format::PLAIN;
}

bool has_tool(const json & tools, const std::string & name) {
    return std::any_of(tools.begin(), tools.end(), [&](const json & tool) { return function_of(tool)["name"] == name; });
}

json parsed_tools(const char * tools) {
    json list = list_of(tools, "the list of tools");
    for (size_t i = 0; i < list.size(); ++i) {
        const std::string where    = "tool " + std::to_string(i);
        const json &      function = function_of(list[i]);
        const std::string name     = name_of(function, where);
        if (function.contains("parameters") && !function["parameters"].is_object()) {
            refuse(where + " (" + name + "): \"parameters\" must be a JSON schema, which is an object");
        }
        for (size_t k = 0; k < i; ++k) {
            if (name_of(function_of(list[k]), "") == name) {
                refuse("tools " + std::to_string(k) + " and " + std::to_string(i) + " are both called \"" + name + "\"");
            }
        }
    }
    if (list.empty()) {
        refuse("the list of tools is empty; give none instead");
    }
    return list;
}

json parsed_tool_calls(const char * calls, const std::string & where) {
    json list = list_of(calls, "the calls of " + where);
    for (json & call : list) {
        name_of(function_of(call), "a call of " + where);
        json & function = call.contains("function") ? call["function"] : call;
        if (function.contains("arguments") && function["arguments"].is_string()) { // as OpenAI's API has them
            json arguments = schema::parse(function["arguments"], "\"arguments\" of a call of " + where);
            function["arguments"] = std::move(arguments);
        }
    }
    return list;
}

std::string tool_grammar(tool_format format, const char * tools, const char * name) {
    const json        list   = parsed_tools(tools);
    std::string       any;
    const std::string text = schema::grammar_of([&](schema::grammar_rules & rules) {
        any.clear();
        for (size_t i = 0; i < list.size(); ++i) {
            const json & function = function_of(list[i]);
            const json   called   = function["name"];
            if (name && called != name) {
                continue;
            }
            const std::string rule = "tool-" + std::to_string(i);
            try {
                if (format == tool_format::XML) {
                    add_xml_call(rules, rule, function);
                } else {
                    add_json_call(rules, rule, function, format == tool_format::PARAMETERS ? "parameters" : "arguments");
                }
            } catch (const error & e) {
                throw error(e.status, "tool " + std::to_string(i) + " (" + called.get<std::string>() + "): " + e.what());
            }
            any += (any.empty() ? "" : " | ") + rule;
        }
        if (any.empty()) {
            refuse(std::string("there is no tool called \"") + name + "\"");
        }
        const bool tagged = format == tool_format::TAGGED || format == tool_format::XML;
        rules.add_rule("call", any);
        rules.add_rule("root", tagged ? "\"<tool_call>\\n\" call \"\\n</tool_call>\""
                               : format == tool_format::LISTED ? "\"[TOOL_CALLS]\"? \"[\" call \"]\""
                                                               : "call");
    });
    return text;
}

} // namespace magnet
