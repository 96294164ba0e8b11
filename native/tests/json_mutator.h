// JSON damaged in ways that a reader of it meets: values of another kind or out of range, fields gone or renamed, numbers
// that no double holds, values that nest too deep.
#pragma once

#include <nlohmann/json.hpp>

#include <random>
#include <string>

namespace magnet::testing {

class json_mutator {
public:
    explicit json_mutator(uint32_t seed) : random_(seed) {}

    size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }

    // An object with one to three damages. Texts of fields that begin so are left alone, but for their kind.
    std::string damaged(const std::string & object, std::string & what, const std::string & keep = "?") {
        nlohmann::json value = nlohmann::json::parse(object);
        for (size_t n = 1 + (below(3) == 0) + (below(6) == 0); n > 0; --n) {
            damage(value, what, keep);
        }
        std::string text = value.dump();
        for (size_t at = text.find(place); at != std::string::npos; at = text.find(place)) {
            text.replace(at, std::string(place).size(), unspeakable());
        }
        return text;
    }

private:
    static constexpr const char * place = "\"@unspeakable@\"";

    std::string unspeakable() {
        switch (below(4)) {
            case 0:  return "1e999";
            case 1:  return "-1e999";
            case 2:  return "[" + std::string(300000, '[') + std::string(300000, ']') + "]";
            default: return "123456789012345678901234567890";
        }
    }

    nlohmann::json edge(bool is_text) {
        using json = nlohmann::json;
        const json edges[] = {nullptr,
                              true,
                              -1,
                              0,
                              1,
                              2,
                              1.5,
                              -0.0,
                              INT32_MAX,
                              INT32_MIN,
                              int64_t(UINT32_MAX) + 1,
                              INT64_MAX,
                              INT64_MIN,
                              UINT64_MAX,
                              1e300,
                              -1e300,
                              1e-300,
                              "",
                              "text",
                              json::array(),
                              json::array({json::array()}),
                              json::array({1, "a", nullptr}),
                              json::object(),
                              json::object({{"a", 1}}),
                              "@unspeakable@"};
        const size_t n = std::size(edges);
        for (;;) {
            const json & chosen = edges[below(n)];
            if (!is_text || !chosen.is_string() || chosen == "@unspeakable@") {
                return chosen;
            }
        }
    }

    void damage(nlohmann::json & object, std::string & what, const std::string & keep) {
        if (object.empty()) {
            return;
        }
        auto              at   = std::next(object.begin(), std::ptrdiff_t(below(object.size())));
        const std::string name = object.is_object() ? at.key() : "an element";
        what += (what.empty() ? "" : "; ") + name;
        if (at->is_structured() && !at->empty() && below(2) == 0) {
            return damage(*at, what, keep);
        }
        const bool kept = name.compare(0, keep.size(), keep) == 0;
        switch (below(8)) {
            case 0:
                what += " is gone";
                object.erase(at);
                return;
            case 1:
                if (object.is_object() && !kept) {
                    const nlohmann::json moved = *at;
                    object.erase(at);
                    object[name.substr(1) + "x"] = moved;
                    what += " has another name";
                    return;
                }
                [[fallthrough]];
            default: {
                const nlohmann::json value = edge(kept);
                what += " = " + value.dump();
                *at = value;
            }
        }
    }

    std::mt19937 random_;
};

} // namespace magnet::testing
