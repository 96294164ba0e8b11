#include "tool-calls.h"

#include "base/error.h"
#include "schema/schema.h"
#include "tool-xml.h"

#include <algorithm>

namespace magnet {

using json = nlohmann::ordered_json;

namespace {

std::string stripped(const std::string & text) {
    const char * const white = " \t\r\n";
    const size_t       begin = text.find_first_not_of(white);
    return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(white) - begin + 1);
}

bool begins(const std::string & text, const std::string & with) {
    return text.rfind(with, 0) == 0;
}

// JSON, or a discarded value.
json parsed(const std::string & text) {
    try {
        return schema::parse(text, "a call");
    } catch (const error &) {
        return json(json::value_t::discarded);
    }
}

// One call, if the value is one.
tool_call call_of(const json & value, const std::string & text) {
    tool_call call;
    call.text = text;
    if (!value.is_object() || !value.contains("name") || !value["name"].is_string()) {
        return call;
    }
    json arguments = json::object();
    for (const char * const key : {"arguments", "parameters"}) {
        if (value.contains(key)) {
            arguments = value[key].is_string() ? parsed(value[key]) : value[key];
            break;
        }
    }
    if (arguments.is_object()) {
        call.readable  = true;
        call.name      = value["name"];
        call.arguments = arguments.dump();
    }
    return call;
}

// What stands where calls do: a call, a list of them, or several with semicolons in between.
void add_calls(const std::string & text, std::vector<tool_call> & out) {
    const json value = parsed(text);
    if (value.is_array() && !value.empty()) {
        for (const json & one : value) {
            out.push_back(call_of(one, one.dump()));
        }
        return;
    }
    const tool_call whole = call_of(value, text);
    int tries = 100; // semicolons inside its texts
    for (size_t semicolon = text.find(';'); !whole.readable && semicolon != std::string::npos && tries > 0; --tries,
                semicolon = text.find(';', semicolon + 1)) {
        const std::string first = stripped(text.substr(0, semicolon));
        const tool_call   call  = call_of(parsed(first), first);
        if (call.readable) {
            out.push_back(call);
            add_calls(stripped(text.substr(semicolon + 1)), out);
            return;
        }
    }
    out.push_back(whole);
}

// What a fence has inside that is around all of the text.
std::string unfenced(const std::string & text) {
    const std::string fence = "```";
    const size_t      line  = text.find('\n');
    const bool        whole = line != std::string::npos && text.size() >= line + fence.size() && begins(text, fence) &&
                       text.compare(text.size() - fence.size(), fence.size(), fence) == 0;
    return whole ? stripped(text.substr(line, text.size() - fence.size() - line)) : text;
}

bool is_foreign(const json & tools, const tool_call & call) {
    return call.readable && tools.is_array() && !tools.empty() && !has_tool(tools, call.name);
}

const std::string open = "<tool_call>", close = "</tool_call>";

void read_tagged(const std::string & answer, tool_answer & out) {
    std::string said;
    size_t      at = 0;
    for (size_t begin = 0; (begin = answer.find(open, at)) != std::string::npos;) {
        said += answer.substr(at, begin - at);
        const size_t inside = begin + open.size(), end = std::min(answer.find(close, inside), answer.find(open, inside));
        add_calls(stripped(answer.substr(inside, end == std::string::npos ? end : end - inside)), out.calls);
        at = end == std::string::npos ? answer.size() : begins(answer.substr(end, close.size()), close) ? end + close.size() : end;
    }
    out.content = stripped(said + answer.substr(at));
}

// Tags may be left out: the model goes straight to the function, or ends before the closing one.
void read_xml(const std::string & answer, const json & tools, tool_answer & out) {
    std::string said;
    size_t      at    = 0;
    int         tries = 100; // functions of a text that only speaks of them
    for (;;) {
        const size_t tag = answer.find(open, at), function = tries > 0 ? answer.find("<function=", at) : std::string::npos;
        const size_t begin = std::min(tag, function);
        if (begin == std::string::npos) {
            break;
        }
        size_t    end = tag == begin ? begin + open.size() : begin;
        tool_call call;
        if (read_xml_call(answer, end, tools, call)) {
            out.calls.push_back(call);
        } else if (tag == begin) { // JSON in its place, or what nobody can read
            const size_t inside = end;
            end                 = std::min({answer.find(close, inside), answer.find(open, inside), answer.size()});
            add_calls(stripped(answer.substr(inside, end - inside)), out.calls);
        } else {
            said += answer.substr(at, begin + 1 - at);
            at = begin + 1;
            --tries;
            continue;
        }
        said += answer.substr(at, begin - at);
        const size_t next = std::min(answer.find_first_not_of(" \t\r\n", end), answer.size());
        at                = answer.compare(next, close.size(), close) == 0 ? next + close.size() : end;
    }
    out.content = stripped(said + answer.substr(at));
}

} // namespace

tool_answer read_tool_calls(tool_format format, const std::string & answer, const json & tools) {
    tool_answer out;
    if (format == tool_format::XML) {
        read_xml(answer, tools, out);
        return out;
    }
    if (format == tool_format::TAGGED && answer.find("<tool_call>") != std::string::npos) {
        read_tagged(answer, out);
        return out;
    }
    for (const std::string & mark : {std::string("[TOOL_CALLS]"), std::string("<|python_tag|>")}) {
        const size_t begin = answer.find(mark);
        if (begin != std::string::npos) {
            out.content = stripped(answer.substr(0, begin));
            add_calls(stripped(answer.substr(begin + mark.size())), out.calls);
            return out;
        }
    }
    // The marks are control tokens, which the text of an answer does not show: JSON alone is a call where it reads as one.
    const std::string said  = stripped(answer);
    const std::string text  = unfenced(said);
    const bool        looks = begins(text, "{") || (format == tool_format::LISTED && begins(text, "["));
    if (looks) {
        add_calls(text, out.calls);
        const bool meant   = begins(text, "{\"name\"") || begins(text, "[{\"name\"");
        const bool foreign = std::any_of(out.calls.begin(), out.calls.end(), [&](const auto & call) { return is_foreign(tools, call); });
        if (foreign || (!meant && !out.calls[0].readable)) { // an answer in JSON
            out.calls.clear();
        }
    }
    if (out.calls.empty()) {
        out.content = said;
    }
    return out;
}

} // namespace magnet
