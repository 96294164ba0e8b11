// Schemas of strings and numbers, in the words that upstream's converter follows to the letter.
#pragma once

#include "place.h"

namespace magnet::schema {

// Each throws INVALID_ARGUMENT for what is none, and for what cannot be kept.
nlohmann::ordered_json string_subset(const place & p);
nlohmann::ordered_json integer_subset(const place & p);
nlohmann::ordered_json number_subset(const place & p);

// out[least] and out[most], where they restrict.
void add_counts(nlohmann::ordered_json & out, const place & p, const char * least_key, const char * most_key);

} // namespace magnet::schema
