#include "corpus.h"

#include "atomic-file.h"
#include "magnet-error.h"
#include "magnet-utf8.h"
#include "sentences.h"

#include <nlohmann/json.hpp>

namespace magnet {

int64_t corpus::n_tokens() const {
    int64_t n = 0;
    for (const text_document & d : documents) {
        n += int64_t(d.tokens.size());
    }
    return n;
}

text_document tokenize_document(const std::string & text, const train_vocab & vocab) {
    text_document             d;
    const std::vector<size_t> starts = sentence_starts(text);
    for (size_t i = 0; i < starts.size(); ++i) {
        const size_t               end    = i + 1 < starts.size() ? starts[i + 1] : text.size();
        const std::vector<int32_t> tokens = vocab.tokenize(text.substr(starts[i], end - starts[i]), i == 0);
        if (!tokens.empty()) {
            d.sentences.push_back(int32_t(d.tokens.size()));
            d.tokens.insert(d.tokens.end(), tokens.begin(), tokens.end());
        }
    }
    return d;
}

static bool ends_with(const std::string & s, const std::string & tail) {
    return s.size() >= tail.size() && s.compare(s.size() - tail.size(), tail.size(), tail) == 0;
}

static bool is_blank(const std::string & s) {
    return s.find_first_not_of(" \t\r") == std::string::npos;
}

static error bad_line(const std::string & path, int64_t line, const std::string & why) {
    return error(MAGNET_STATUS_BAD_FILE, path + ":" + std::to_string(line) + ": " + why);
}

// Calls use(line, number) for every line of a UTF-8 file, without line break and byte order mark.
static void for_each_line(const std::string & path, const std::function<void(std::string &, int64_t)> & use) {
    const std::string text   = read_file(path);
    int64_t           number = 0;
    for (size_t begin = ends_with(text.substr(0, 3), "\xef\xbb\xbf") ? 3 : 0; begin < text.size();) {
        const size_t end  = std::min(text.find('\n', begin), text.size());
        std::string  line = text.substr(begin, end - begin);
        begin             = end + 1;
        ++number;
        if (!line.empty() && line.back() == '\r') {
            line.pop_back();
        }
        const size_t invalid = utf8_find_invalid(line);
        if (invalid != std::string::npos) {
            throw bad_line(path, number,
                           "not UTF-8 (byte " + std::to_string(invalid + 1) +
                               " of the line); convert the file first, for instance with iconv.");
        }
        use(line, number);
    }
}

static void add_document(const std::string & text, const train_vocab & vocab, corpus & out) {
    text_document d = tokenize_document(text, vocab);
    if (!d.tokens.empty()) {
        out.documents.push_back(std::move(d));
    }
}

// The string that a JSON object has under key; "" where it may be missing.
static std::string json_text(const nlohmann::json & object, const char * key, bool needed, const std::string & path,
                             int64_t line) {
    const auto found = object.find(key);
    if (found == object.end() && !needed) {
        return "";
    }
    if (found == object.end() || !found->is_string()) {
        throw bad_line(path, line, std::string("expected a string under \"") + key + "\".");
    }
    return found->get<std::string>();
}

static nlohmann::json parse_json(const std::string & text, const std::string & path, int64_t line) {
    nlohmann::json object = nlohmann::json::parse(text, nullptr, /*allow_exceptions =*/false);
    if (!object.is_object()) {
        throw bad_line(path, line, "expected a JSON object.");
    }
    return object;
}

void read_texts(const std::string & path, text_unit unit, const train_vocab & vocab, corpus & out) {
    if (ends_with(path, ".jsonl")) {
        for_each_line(path, [&](std::string & line, int64_t number) {
            if (!is_blank(line)) {
                add_document(json_text(parse_json(line, path, number), "text", true, path, number), vocab, out);
            }
        });
        return;
    }
    std::string document;
    for_each_line(path, [&](std::string & line, int64_t) {
        const bool ends = unit == text_unit::line || (unit == text_unit::paragraph && is_blank(line));
        if (!is_blank(line)) {
            document += (document.empty() ? "" : "\n") + line;
        }
        if (ends && !document.empty()) {
            add_document(document, vocab, out);
            document.clear();
        }
    });
    if (!document.empty()) {
        add_document(document, vocab, out);
    }
}

void read_pairs(const std::string & path, const train_vocab & vocab, bool begins, corpus & out) {
    const auto add = [&](const std::string & anchor, const std::string & positive, const std::string & negative,
                         int64_t line) {
        text_pair p = {vocab.tokenize(anchor, begins), vocab.tokenize(positive, begins), {}};
        if (p.anchor.empty() || p.positive.empty()) {
            throw bad_line(path, line, p.anchor.empty() ? "the first text is empty." : "the second text is empty.");
        }
        if (!is_blank(negative)) {
            p.negative = vocab.tokenize(negative, begins);
        }
        out.pairs.push_back(std::move(p));
    };
    const auto add_json = [&](const std::string & line, int64_t number) {
        const nlohmann::json object = parse_json(line, path, number);
        const auto field = [&](const char * key, bool needed) { return json_text(object, key, needed, path, number); };
        add(field("anchor", true), field("positive", true), field("negative", false), number);
    };
    const auto add_tsv = [&](const std::string & line, int64_t number) {
        std::vector<std::string> columns(1);
        for (const char c : line) {
            if (c == '\t') {
                columns.emplace_back();
            } else {
                columns.back() += c;
            }
        }
        if (columns.size() != 2 && columns.size() != 3) {
            throw bad_line(path, number,
                           "expected 2 or 3 tab-separated columns, found " + std::to_string(columns.size()) + ".");
        }
        columns.resize(3);
        add(columns[0], columns[1], columns[2], number);
    };
    const bool is_json = ends_with(path, ".jsonl");
    for_each_line(path, [&](std::string & line, int64_t number) {
        if (!is_blank(line)) {
            is_json ? add_json(line, number) : add_tsv(line, number);
        }
    });
}

} // namespace magnet
