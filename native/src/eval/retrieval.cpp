// Retrieval by cosine: do the documents that people judged relevant to a query come first?
#include "base/lines.h"
#include "bm25.h"
#include "evaluation.h"
#include "names.h"
#include "ranking.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <unordered_map>

namespace magnet::eval {

namespace {

struct collection {
    std::vector<std::string>                texts;
    std::unordered_map<std::string, size_t> index; // by id
};

// By index of the query: its judged documents, by index, with their grades.
using judgements = std::vector<std::unordered_map<size_t, int32_t>>;

constexpr size_t texts_per_batch = 256;

// TSV of id and text; what follows a second tab belongs to the text. unique: a text that stands there already is the same
// item under another id.
collection read_collection(const std::string & path, bool unique) {
    collection                              c;
    std::unordered_map<std::string, size_t> known; // texts
    for_each_line(path, [&](std::string & line, int64_t number) {
        if (is_blank(line)) {
            return;
        }
        const size_t tab = line.find('\t');
        if (tab == std::string::npos || tab == 0) {
            throw bad_line(path, number, "expected an id, a tab and a text.");
        }
        const std::string text  = line.substr(tab + 1);
        const size_t      place = unique ? known.emplace(text, c.texts.size()).first->second : c.texts.size();
        if (!c.index.emplace(line.substr(0, tab), place).second) {
            throw bad_line(path, number, "the id " + line.substr(0, tab) + " is there twice.");
        }
        if (place == c.texts.size()) {
            c.texts.push_back(text);
        }
    });
    if (c.texts.empty()) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " is empty; expected an id, a tab and a text a line.");
    }
    return c;
}

// "query 0 document grade" as TREC has it, or without the second column; white space separates. A first line that has
// none of the three is a header.
judgements read_judgements(const std::string & path, const collection & queries, const collection & documents, bool texts_repeat) {
    judgements all(queries.texts.size());
    size_t     n = 0;
    for_each_line(path, [&](std::string & line, int64_t number) {
        const std::vector<std::string> columns = split_words(line);
        if (columns.empty()) {
            return;
        }
        if (columns.size() != 3 && columns.size() != 4) {
            throw bad_line(path, number,
                           "expected 3 columns (query, document, grade), or 4 as in TREC's qrels, found " +
                               std::to_string(columns.size()) + ".");
        }
        const std::string & text  = columns.back();
        int32_t             grade = 0;
        const auto          read  = std::from_chars(text.data(), text.data() + text.size(), grade);
        if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
            const bool is_header = number == 1 && queries.index.count(columns.front()) == 0 &&
                                   documents.index.count(columns[columns.size() - 2]) == 0;
            if (is_header) {
                return;
            }
            throw bad_line(path, number, "the grade \"" + text + "\" is no whole number.");
        }
        const auto query    = queries.index.find(columns.front());
        const auto document = documents.index.find(columns[columns.size() - 2]);
        if (query == queries.index.end() || document == documents.index.end()) {
            throw bad_line(path, number,
                           query == queries.index.end() ? "there is no query " + columns.front() + "."
                                                        : "there is no document " + columns[columns.size() - 2] + ".");
        }
        const auto judged = all[query->second].emplace(document->second, grade).first;
        if (!texts_repeat && judged->second != grade) {
            throw bad_line(path, number,
                           "document " + columns[columns.size() - 2] + " has the grade " + std::to_string(grade) + " for query " +
                               columns.front() + ", and " + std::to_string(judged->second) + " before; keep one of the two.");
        }
        judged->second = std::max(judged->second, grade); // of one text, the best that was said of it
        ++n;
    });
    if (n == 0) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " judges nothing; expected query, document and grade a line.");
    }
    return all;
}

bool has_relevant(const std::unordered_map<size_t, int32_t> & judged) {
    return std::any_of(judged.begin(), judged.end(), [](const auto & entry) { return entry.second > 0; });
}

// Vectors as outcomes. A text that is longer than the session reads is read from its beginning.
evaluation::work embedding(evaluation & e, const embed_variant & v, const std::string & what, const char * instruction, bool document,
                           const std::vector<std::string> & all) {
    magnet_embed_params how = magnet_embed_default_params();
    how.instruction         = instruction;
    how.document            = document;
    how.pooling             = v.pooling;
    how.attention           = v.attention;
    how.truncate            = MAGNET_TRUNCATE_HEAD;
    return {what + "." + v.name, all.size(), texts_per_batch, [&e, &all, how](const std::vector<size_t> & items) {
                std::vector<magnet_text> texts;
                for (const size_t i : items) {
                    texts.push_back({all[i].data(), (int32_t)all[i].size()});
                }
                const int64_t      n_embd = e.base().n_embd();
                std::vector<float> vectors(texts.size() * n_embd);
                e.with().embed(texts.data(), (int32_t)texts.size(), how, vectors.data(), nullptr);
                evaluation::outcomes out;
                for (size_t i = 0; i < items.size(); ++i) {
                    out.emplace_back(vectors.begin() + (int64_t)i * n_embd,
                                     vectors.begin() + (int64_t)(i + 1) * n_embd);
                }
                return out;
            },
            [&e](size_t, const std::vector<double> & vector) {
                return evaluation::are_finite(vector, (size_t)e.base().n_embd());
            }};
}

std::vector<double> cosines(const std::vector<double> & query, const evaluation::outcomes & documents) {
    std::vector<double> out;
    for (const std::vector<double> & document : documents) {
        out.push_back(std::inner_product(query.begin(), query.end(), document.begin(), 0.0));
    }
    return out;
}

// Grades of all documents, the one with the highest score first, the one that is first in the file of equals.
std::vector<int32_t> ranked_grades(const std::vector<double> & scores, const std::unordered_map<size_t, int32_t> & judged) {
    std::vector<size_t> order(scores.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
    std::vector<int32_t> grades;
    for (const size_t document : order) {
        const auto found = judged.find(document);
        grades.push_back(found == judged.end() ? 0 : found->second);
    }
    return grades;
}

// The figures of one way to score documents; scores(q) of query q has one a document.
void add_ranking(const evaluation & e, eval_result & out, const std::string & name, const judgements & judged,
                 const std::function<std::vector<double>(size_t q)> & scores) {
    const magnet_eval_retrieval &    p       = e.params().retrieval;
    const std::vector<int32_t>       cutoffs = choices(p.cutoffs, p.n_cutoffs, {1, 10, 100}, 0);
    std::vector<double>              ndcg, reciprocal;
    std::vector<std::vector<double>> recall(cutoffs.size());
    for (size_t q = 0; q < judged.size(); ++q) {
        if (!has_relevant(judged[q])) {
            continue;
        }
        std::vector<int32_t> all;
        for (const auto & [document, grade] : judged[q]) {
            all.push_back(grade);
        }
        const std::vector<int32_t> grades = ranked_grades(scores(q), judged[q]);
        ndcg.push_back(ndcg_at(grades, all, 10));
        reciprocal.push_back(reciprocal_rank(grades));
        for (size_t c = 0; c < cutoffs.size(); ++c) {
            recall[c].push_back(recall_at(grades, all, cutoffs[c]));
        }
    }
    const auto add_mean = [&](const std::string & figure, std::vector<double> values) {
        e.add(out, figure + "." + name, values.size(), values.size(), ratio(values, std::vector<double>(values.size(), 1.0)));
        out.series.push_back({figure + "." + name, std::move(values)});
    };
    add_mean("ndcg@10", std::move(ndcg));
    add_mean("mrr", std::move(reciprocal));
    for (size_t c = 0; c < cutoffs.size(); ++c) {
        add_mean("recall@" + std::to_string(cutoffs[c]), std::move(recall[c]));
    }
}

} // namespace

eval_result eval_retrieval(evaluation & e) {
    const magnet_eval_params & p         = e.params();
    const collection           queries   = read_collection(p.file, p.unique);
    const collection           documents = read_collection(p.retrieval.documents, p.unique);
    const judgements           judged    = read_judgements(p.retrieval.relevance, queries, documents, p.unique);
    if (std::none_of(judged.begin(), judged.end(), has_relevant)) {
        throw error(MAGNET_STATUS_BAD_FILE, std::string(p.retrieval.relevance) + " has no grade above 0: nothing is relevant.");
    }

    const std::vector<embed_variant> variants = embed_variants(choices(p.retrieval.attentions, p.retrieval.n_attentions, {0}, e.with().how().attention),
                                                   choices(p.retrieval.poolings, p.retrieval.n_poolings, {0}, e.with().how().pooling));
    std::vector<evaluation::work>    works;
    for (const embed_variant & v : variants) {
        works.push_back(embedding(e, v, "query", p.retrieval.instruction, false, queries.texts));
        works.push_back(embedding(e, v, "document", p.retrieval.document_instruction ? p.retrieval.document_instruction : p.retrieval.instruction,
                                  true, documents.texts));
    }
    const auto                 vectors = e.run(works);
    const bm25                 by_words(p.retrieval.bm25 ? documents.texts : std::vector<std::string>());

    eval_result out;
    const auto  words_of_query = [&](size_t q) { return by_words.scores(queries.texts[q]); };
    if (p.retrieval.bm25) {
        add_ranking(e, out, "bm25", judged, words_of_query);
    }
    for (size_t v = 0; v < variants.size(); ++v) {
        const auto by_cosine = [&](size_t q) { return cosines(vectors[2 * v][q], vectors[2 * v + 1]); };
        add_ranking(e, out, variants[v].name, judged, by_cosine);
        if (p.retrieval.bm25) {
            add_ranking(e, out, "fused." + variants[v].name, judged,
                        [&](size_t q) { return fused(words_of_query(q), by_cosine(q), p.retrieval.fusion); });
        }
    }
    return out;
}

} // namespace magnet::eval
