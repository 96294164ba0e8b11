// JSON that strangers write, lines of JSON Lines above all, read for the library and for the program.
#pragma once

#include <nlohmann/json.hpp>

#include <set>
#include <string>
#include <vector>

namespace magnet {

// Watches a parser of Json, nlohmann's, for what it would take and lose or what would need much stack later. fail(why) must
// throw.
template <typename Json, typename Fail>
typename Json::parser_callback_t json_watch(int most_nesting, const Fail & fail) {
    std::vector<std::set<std::string>> names; // of the objects that are open
    return [=](int depth, typename Json::parse_event_t event, Json & value) mutable {
        using is         = typename Json::parse_event_t;
        const bool opens = event == is::object_start || event == is::array_start;
        if (opens && depth >= most_nesting) {
            fail("arrays and objects nest more than " + std::to_string(most_nesting) + " deep");
        }
        if (event == is::object_start) {
            names.emplace_back();
        } else if (event == is::object_end) {
            names.pop_back();
        } else if (event == is::key && !names.back().insert(value.template get<std::string>()).second) {
            fail("the field " + value.dump() + " is there twice"); // one of the two would be lost
        }
        return true;
    };
}

// Json: nlohmann's, which may keep the order. fail(why) must throw.
template <typename Json, typename Fail>
Json parse_json_row(const std::string & text, const Fail & fail) {
    constexpr int most_nesting = 100; // the parser needs no stack for it, but what copies and prints its values does
    try {
        return Json::parse(text, json_watch<Json>(most_nesting, fail));
    } catch (const typename Json::parse_error & error) {
        fail("not JSON (byte " + std::to_string(error.byte) + " of the line)");
    } catch (const typename Json::out_of_range &) {
        fail("a number is too large; the largest is 1.8e308");
    }
    return {};
}

} // namespace magnet
