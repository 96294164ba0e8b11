// The options of a protocol, listed once: for checking them, and for telling one evaluation from another.
#pragma once

#include "magnet.h"

#include <nlohmann/json_fwd.hpp>

namespace magnet::eval {

// "sts", "infill", ...
const char * protocol_name(int32_t protocol);

// Throws INVALID_ARGUMENT naming the field, its value and its range, or the file that is missing.
void check_options(const magnet_eval_params & params);

// What the outcomes of the protocol's items depend on, as an object: its options, and its files by content. Options that
// only choose among items are left out. Throws IO.
nlohmann::json describe_options(const magnet_eval_params & params);

} // namespace magnet::eval
