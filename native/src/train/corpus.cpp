#include "corpus.h"

#include "base/lines.h"
#include "base/sentences.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace magnet::train {

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

static void add_document(const std::string & text, const train_vocab & vocab, corpus & out) {
    text_document d = tokenize_document(text, vocab);
    if (!d.tokens.empty()) {
        out.documents.push_back(std::move(d));
    }
}

void read_texts(const std::string & path, int32_t unit, const train_vocab & vocab, corpus & out) {
    if (is_json_lines(path)) {
        for_each_line(path, [&](std::string & line, int64_t number) {
            if (!is_blank(line)) {
                add_document(json_text(parse_json(line, path, number), "text", true, path, number), vocab, out);
            }
        });
        return;
    }
    std::string document;
    for_each_line(path, [&](std::string & line, int64_t) {
        const bool ends = unit == MAGNET_TEXT_LINES || (unit == MAGNET_TEXT_PARAGRAPHS && is_blank(line));
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

// Adds a set; returns its index.
static int32_t read_candidates(const std::string & path, const train_vocab & vocab, bool begins, corpus & out) {
    const bool                        is_json = is_json_lines(path);
    std::vector<std::vector<int32_t>> texts;
    for_each_line(path, [&](std::string & line, int64_t number) {
        if (!is_blank(line)) {
            texts.push_back(vocab.tokenize(is_json ? json_text(parse_json(line, path, number), "text", true, path, number) : line, begins));
            if (texts.back().empty()) {
                texts.pop_back();
            }
        }
    });
    if (texts.empty()) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " has no text to mine negatives from; expected one a line.");
    }
    out.candidates.push_back(std::move(texts));
    return int32_t(out.candidates.size()) - 1;
}

void read_pairs(const std::string & path, const train_vocab & vocab, const pair_reading & how, corpus & out) {
    const int32_t candidates = how.mine.empty() ? -1 : read_candidates(how.mine, vocab, how.document_begins, out);
    const auto add = [&](const std::string & anchor, const std::string & positive, const std::string & negative,
                         int64_t line) {
        text_pair p = {vocab.tokenize(anchor, how.query_begins), vocab.tokenize(positive, how.document_begins), {},
                       std::max(int32_t(out.sources.size()) - 1, 0), candidates, how.documents};
        if (p.anchor.empty() || p.positive.empty()) {
            throw bad_line(path, line, p.anchor.empty() ? "the first text is empty." : "the second text is empty.");
        }
        if (!is_blank(negative)) {
            p.negative = vocab.tokenize(negative, how.document_begins);
        }
        out.pairs.push_back(std::move(p));
    };
    const auto add_json = [&](const std::string & line, int64_t number) {
        const nlohmann::json object = parse_json(line, path, number);
        const auto field = [&](const char * key, bool needed) { return json_text(object, key, needed, path, number); };
        add(field("anchor", true), field("positive", true), field("negative", false), number);
    };
    const auto add_tsv = [&](const std::string & line, int64_t number) {
        std::vector<std::string> columns = split_columns(line);
        if (columns.size() != 2 && columns.size() != 3) {
            throw bad_line(path, number,
                           "expected 2 or 3 tab-separated columns, found " + std::to_string(columns.size()) + ".");
        }
        columns.resize(3);
        add(columns[0], columns[1], columns[2], number);
    };
    const bool is_json = is_json_lines(path);
    for_each_line(path, [&](std::string & line, int64_t number) {
        if (!is_blank(line)) {
            is_json ? add_json(line, number) : add_tsv(line, number);
        }
    });
}

} // namespace magnet::train
