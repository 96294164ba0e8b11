// Semantic textual similarity: do cosines of embeddings order pairs of texts as people do?
#include "base/lines.h"
#include "evaluation.h"
#include "names.h"
#include "statistics.h"

#include <charconv>
#include <cmath>
#include <numeric>

namespace magnet::eval {

namespace {

struct scored_pair {
    double      score;
    std::string a, b;
};

double number_of(const std::string & text, const std::string & path, int64_t line) {
    double     value = 0.0;
    const auto read  = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !std::isfinite(value)) {
        throw bad_line(path, line, "the score \"" + text + "\" is no finite number.");
    }
    return value;
}

std::vector<scored_pair> read_scored_pairs(evaluation & e) {
    const std::string        path = e.params().file;
    std::vector<scored_pair> pairs;
    for_each_line(path, [&](std::string & line, int64_t number) {
        if (is_blank(line)) {
            return;
        }
        const std::vector<std::string> columns = split_columns(line);
        if (columns.size() != 3) {
            throw bad_line(path, number,
                           "expected 3 tab-separated columns (score, text, text), found " +
                               std::to_string(columns.size()) + ".");
        }
        if (e.is_repeated(columns[1] + "\t" + columns[2])) {
            return;
        }
        pairs.push_back({number_of(columns[0], path, number), columns[1], columns[2]});
    });
    if (pairs.size() < 2) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " holds " + std::to_string(pairs.size()) +
                                                " pairs of texts; a correlation needs 2 at least.");
    }
    return pairs;
}

constexpr size_t pairs_per_batch = 128;

} // namespace

eval_result eval_sts(evaluation & e) {
    std::vector<scored_pair> pairs = read_scored_pairs(e);
    pairs.resize(e.limit(pairs.size()));

    std::vector<evaluation::work> works;
    for (const embed_variant & v : embed_variants(choices(e.params().sts.attentions, e.params().sts.n_attentions, {0}, e.with().how().attention),
                                                   choices(e.params().sts.poolings, e.params().sts.n_poolings, {0}, e.with().how().pooling))) {
        works.push_back({v.name, pairs.size(), pairs_per_batch, [&e, &pairs, v](const std::vector<size_t> & items) {
                             magnet_embed_params how = magnet_embed_default_params();
                             how.instruction         = e.params().sts.instruction;
                             how.pooling             = v.pooling;
                             how.attention           = v.attention;

                             std::vector<magnet_text> texts;
                             for (const size_t i : items) {
                                 texts.push_back({pairs[i].a.data(), (int32_t)pairs[i].a.size()});
                                 texts.push_back({pairs[i].b.data(), (int32_t)pairs[i].b.size()});
                             }
                             const int64_t      n_embd = e.base().n_embd();
                             std::vector<float> vectors(texts.size() * n_embd);
                             e.with().embed(texts.data(), (int32_t)texts.size(), how, vectors.data(), nullptr);

                             std::vector<std::vector<double>> cosines;
                             for (size_t i = 0; i < items.size(); ++i) {
                                 const float * a = vectors.data() + 2 * i * n_embd;
                                 cosines.push_back({std::inner_product(a, a + n_embd, a + n_embd, 0.0)});
                             }
                             return cosines;
                         },
                         [](size_t, const std::vector<double> & cosine) { return evaluation::are_finite(cosine, 1); }});
    }

    std::vector<double> gold;
    for (const scored_pair & pair : pairs) {
        gold.push_back(pair.score);
    }
    eval_result out;
    const auto  values = e.run(works);
    for (size_t w = 0; w < works.size(); ++w) {
        std::vector<double> cosines;
        for (const std::vector<double> & item : values[w]) {
            cosines.push_back(item[0]);
        }
        e.add(out, "spearman." + works[w].variant, gold.size(), gold.size(), [&](const std::vector<size_t> & items) {
            std::vector<double> a, b;
            for (const size_t i : items) {
                a.push_back(cosines[i]);
                b.push_back(gold[i]);
            }
            return 100.0 * spearman(a, b);
        });
        out.series.push_back({"cosine." + works[w].variant, std::move(cosines)});
    }
    out.series.push_back({"gold", std::move(gold)});
    return out;
}

} // namespace magnet::eval
