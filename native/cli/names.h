#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace magnet_cli {

// The words of an enum of magnet.h, as options take them and JSON shows them.
using names = std::vector<std::pair<const char *, int32_t>>;

const names & pooling_names();
const names & attention_names();
const names & context_names();
const names & trained_context_names(); // that an adapter can be trained for
const names & truncate_names();
const names & precision_names();
const names & engine_names();
const names & weights_names();
const names & cache_type_names();
const names & log_level_names();
const names & stop_names();
const names & until_names();
const names & role_names();

const char * name_of(const names & table, int32_t value);

// "last|mean|weighted-mean"
std::string words_of(const names & table);

} // namespace magnet_cli
