#include "template.h"

#include <algorithm>
#include <charconv>

#include "error.h"
#include "terminal.h"

namespace magnet_cli {

static const char * const gap_forms = "{{gap}}, {{gap:4}} (4 tokens), {{gap:..32}} (at most 32) or {{gap=text}}";

static std::string_view trim(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t");
    return begin == std::string_view::npos ? "" : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// A whole number > 0 that is all of text; 0 = it is none.
static int32_t parse_count(std::string_view text) {
    int32_t    value = 0;
    const auto read  = std::from_chars(text.data(), text.data() + text.size(), value);
    return read.ec == std::errc() && read.ptr == text.data() + text.size() && value > 0 ? value : 0;
}

// What is between {{ and }}. False: this is no gap, but text of somebody else's language.
static bool parse_gap(std::string_view inside, const std::string & where, piece & out) {
    const size_t           equals = inside.find('=');
    std::string_view       head   = trim(inside.substr(0, equals));
    const std::string_view all    = head;
    if (head.substr(0, 3) != "gap" || (head.size() > 3 && head[3] != ':' && head[3] != ' ')) {
        return false;
    }
    out.gap = true;
    if (equals != std::string_view::npos) {
        out.filled = true;
        out.text   = inside.substr(equals + 1);
    }
    head = trim(head.substr(3));
    if (head.empty()) {
        return true;
    }
    if (head[0] == ':') {
        head                                 = trim(head.substr(1));
        const bool open                      = head.substr(0, 2) == "..";
        const auto n                         = parse_count(open ? trim(head.substr(2)) : head);
        (open ? out.max_length : out.length) = n;
        if (n > 0) {
            return true;
        }
    }
    throw failure(where + ": {{" + std::string(all) + "}} is no gap; write " + gap_forms);
}

pieces parse_template(const std::string & text, const std::string & where) {
    pieces      all;
    std::string current;
    const auto  end_text = [&] {
        if (!current.empty()) {
            all.push_back({false, current});
            current.clear();
        }
    };
    for (size_t at = 0; at < text.size();) {
        const size_t open = text.find("{{", at);
        const size_t end  = open == std::string::npos ? open : text.find("}}", open);
        if (end == std::string::npos) {
            current += text.substr(at);
            break;
        }
        current += text.substr(at, open - at);
        piece        gap;
        const bool   escaped = !current.empty() && current.back() == '\\';
        const auto   inside  = std::string_view(text).substr(open + 2, end - open - 2);
        const size_t inner   = inside.rfind("{{"); // "{{ {{gap}}": the last {{ before the }} counts
        if (inner != std::string_view::npos) {
            current += text.substr(open, inner + 2);
            at = open + 2 + inner;
            continue;
        }
        if (!parse_gap(inside, where, gap)) {
            current += text.substr(open, 2);
            at = open + 2;
        } else if (escaped) {
            current.back() = '{';
            current += text.substr(open + 1, end + 2 - (open + 1));
            at = end + 2;
        } else {
            end_text();
            all.push_back(std::move(gap));
            at = end + 2;
        }
    }
    end_text();
    return all;
}

static int32_t read_count(const json & value, const record & from, const char * name) {
    if (!value.is_number_integer() || value.get<int64_t>() < 1 || value.get<int64_t>() > INT32_MAX) {
        throw failure(from.where() + ": \"" + name + "\" of a gap must be a whole number of tokens, 1 or more");
    }
    return value.get<int32_t>();
}

static piece read_gap(const json & value, const record & from) {
    piece out;
    out.gap = true;
    if (value.is_number()) {
        out.length = read_count(value, from, "gap");
    } else if (value.is_string()) {
        out.filled = true;
        out.text   = value.get<std::string>();
    } else if (value.is_object()) {
        for (const auto & [key, entry] : value.items()) {
            if (key == "length") {
                out.length = read_count(entry, from, "length");
            } else if (key == "max") {
                out.max_length = read_count(entry, from, "max");
            } else if (key == "text" && entry.is_string()) {
                out.filled = true;
                out.text   = entry.get<std::string>();
            } else {
                throw failure(from.where() + ": a gap has \"length\", \"max\" and \"text\", not " + quote(key));
            }
        }
    } else if (value != true) {
        throw failure(from.where() + ": \"gap\" must be true, a number of tokens, a text or an object");
    }
    return out;
}

static pieces read_parts(const json & parts, const record & from) {
    if (!parts.is_array()) {
        throw failure(from.where() + ": \"parts\" must be an array of {\"text\": …} and {\"gap\": …}");
    }
    pieces all;
    for (const json & part : parts) {
        if (part.is_object() && part.size() == 1 && part.contains("text") && part["text"].is_string()) {
            all.push_back({false, part["text"].get<std::string>()});
        } else if (part.is_object() && part.size() == 1 && part.contains("gap")) {
            all.push_back(read_gap(part["gap"], from));
        } else {
            throw failure(from.where() + ": a part must be {\"text\": …} or {\"gap\": …}, not " + to_text(part));
        }
    }
    return all;
}

const record_forms & template_forms() {
    static const record_forms forms{{"text"}, {"left", "gap", "right"}, {"parts"}};
    return forms;
}

pieces read_pieces(const record & from) {
    if (has_field(from, "parts")) {
        return read_parts(from.fields["parts"], from);
    }
    const bool has_gap = has_field(from, "gap"), has_sides = has_field(from, "left") || has_field(from, "right");
    if (!has_gap && !has_sides) {
        return parse_template(from.text, from.where());
    }
    if (!has_sides) {
        throw failure(from.where() + ": a \"gap\" stands between \"left\" and \"right\"; give one of them");
    }
    return {{false, field(from, "left")},
            read_gap(has_gap ? from.fields["gap"] : json(true), from),
            {false, field(from, "right")}};
}

std::string to_template(const pieces & all) {
    std::string text;
    for (const piece & one : all) {
        const std::string size = one.length > 0       ? ":" + std::to_string(one.length)
                                 : one.max_length > 0 ? ":.." + std::to_string(one.max_length)
                                                      : "";
        text += one.gap ? "{{gap" + size + (one.filled ? "=" + one.text : "") + "}}" : one.text;
    }
    return text;
}

std::vector<magnet_part> to_parts(const pieces & all, bool keep_spaces) {
    std::vector<magnet_part> parts;
    for (const piece & one : all) {
        magnet_part part{};
        part.type       = one.gap ? MAGNET_PART_GAP : MAGNET_PART_TEXT;
        part.text       = {one.text.data(), static_cast<int32_t>(one.text.size())};
        part.length     = one.length;
        part.max_length = one.max_length;
        part.keep_space = keep_spaces;
        parts.push_back(part);
    }
    return parts;
}

bool has_gap(const pieces & all) {
    return std::any_of(all.begin(), all.end(), [](const piece & one) { return one.gap; });
}

} // namespace magnet_cli
