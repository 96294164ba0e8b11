// Tools that a model may call: their definitions, and a grammar of a call.
#pragma once

#include "tool-format.h"

#include <nlohmann/json.hpp>

#include <string>

namespace magnet {

// The list as it was given. Throws INVALID_ARGUMENT, naming the tool, where it is no list of tools.
nlohmann::ordered_json parsed_tools(const char * tools);

// Is there one of that name among parsed_tools?
bool has_tool(const nlohmann::ordered_json & tools, const std::string & name);

// The calls of a message, their arguments as objects. Throws INVALID_ARGUMENT.
nlohmann::ordered_json parsed_tool_calls(const char * calls, const std::string & where);

// GBNF of a call of the tool called name, or of any if that is null. Throws INVALID_ARGUMENT.
std::string tool_grammar(tool_format format, const char * tools, const char * name);

} // namespace magnet
