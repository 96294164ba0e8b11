// A schema as upstream's converter follows it to the letter. What the converter would leave out or get wrong is said in its
// words (ranges of integers, formats and patterns of strings, references, allOf), narrowed so that all that it allows is
// valid (properties that are not named, a oneOf whose alternatives cannot meet), or refused.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace magnet::schema {

// references: unlike those of other schemas of the same grammar. at: a pointer to the part that is meant, "" = all. Throws
// INVALID_ARGUMENT.
nlohmann::ordered_json subset_of(const nlohmann::ordered_json & schema, const std::string & references, const std::string & at);

} // namespace magnet::schema
