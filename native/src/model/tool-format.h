// How a model's template shows calls of tools.
#pragma once

#include <string>

namespace magnet {

enum class tool_format {
    XML,        // <tool_call>\n<function=…>\n<parameter=…>\n…\n</parameter>\n</function>\n</tool_call>: Qwen3-Coder
    TAGGED,     // <tool_call>\n{"name": …, "arguments": …}\n</tool_call>: Hermes, Qwen
    LISTED,     // [TOOL_CALLS][{"name": …, "arguments": …}]: Mistral
    PARAMETERS, // {"name": …, "parameters": …}: Llama 3
    PLAIN,      // {"name": …, "arguments": …}
};

// Throws UNSUPPORTED for a template that does not speak of tools.
tool_format tool_format_of(const std::string & chat_template);

} // namespace magnet
