// What a model called, read from its answer.
#pragma once

#include "tools.h"

#include <vector>

namespace magnet {

struct tool_call {
    bool        readable = false; // else there is text alone
    std::string name;
    std::string arguments; // a JSON object
    std::string text;      // as the model wrote it
};

struct tool_answer {
    std::string            content; // beside the calls, without white space at its ends
    std::vector<tool_call> calls;
};

// Nothing that the model writes fails it: a call that cannot be read is one that is not readable. tools: parsed_tools of those
// that the model was shown, whose schemas say what the texts of XML mean; null where nobody knows.
tool_answer read_tool_calls(tool_format format, const std::string & answer, const nlohmann::ordered_json & tools = nullptr);

} // namespace magnet
