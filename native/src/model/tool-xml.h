// Calls as Qwen3-Coder writes them: <function=NAME>, one <parameter=NAME> an argument, whose texts stand as they are.
#pragma once

#include "schema/schema.h"
#include "tool-calls.h"

namespace magnet {

// Reads the call that begins at position at of the answer, behind white space, and moves at behind it; false where none reads.
// What a text means is up to the tool's schema: 5 is a number or a text. tools: null where nobody knows; what is JSON is then
// taken as that.
bool read_xml_call(const std::string & answer, size_t & at, const nlohmann::ordered_json & tools, tool_call & call);

// Adds the rule of a call of this tool. function: {"name", "parameters"}. Throws INVALID_ARGUMENT for a schema that is none, or
// cannot be kept in this form.
void add_xml_call(schema::grammar_rules & rules, const std::string & rule, const nlohmann::ordered_json & function);

} // namespace magnet
