#include "mining.h"

#include "base/log.h"
#include "batches.h"
#include "objectives.h"

#include <algorithm>
#include <cmath>

namespace magnet::train {

namespace {

constexpr size_t texts_per_pass = 512;

using texts = std::vector<const std::vector<int32_t> *>;

// [n, D], of length 1; a text is cut as in training.
std::vector<float> vectors_of(engine & e, const texts & all, const std::vector<int32_t> & instruction, const pair_options & options,
                              const train_vocab & vocab) {
    const int64_t      d = e.shape().n_embd;
    std::vector<float> vectors(all.size() * size_t(d));
    for (size_t begin = 0; begin < all.size(); begin += texts_per_pass) {
        const size_t            end = std::min(begin + texts_per_pass, all.size());
        std::vector<train_row>  rows;
        std::vector<engine_row> views;
        for (size_t i = begin; i < end; ++i) {
            rows.push_back(make_embed_row(instruction, *all[i], options, vocab));
        }
        for (const train_row & row : rows) {
            views.push_back(row.view());
        }
        e.forward_each(views, [&](int32_t i, const float * hidden) {
            float * v = &vectors[(begin + size_t(i)) * size_t(d)];
            pool(rows[i], options.pooling, hidden, int32_t(d), v);
            double norm = 0.0;
            for (int64_t k = 0; k < d; ++k) {
                norm += double(v[k]) * v[k];
            }
            const float inverse = float(1.0 / std::sqrt(std::max(norm, 1e-24)));
            for (int64_t k = 0; k < d; ++k) {
                v[k] *= inverse;
            }
        });
    }
    return vectors;
}

float dot(const float * a, const float * b, int64_t d) {
    float sum = 0.0f;
    for (int64_t k = 0; k < d; ++k) {
        sum += a[k] * b[k];
    }
    return sum;
}

// The pairs that a set of candidates is for and that lack a negative.
std::vector<size_t> open_pairs(const corpus & data, size_t set) {
    std::vector<size_t> open;
    for (size_t i = 0; i < data.pairs.size(); ++i) {
        if (data.pairs[i].candidates == int32_t(set) && data.pairs[i].negative.empty()) {
            open.push_back(i);
        }
    }
    return open;
}

} // namespace

std::vector<int32_t> mine_negatives(engine & e, const corpus & data, const pair_options & options, const train_vocab & vocab) {
    const instructions   before(options, vocab);
    const int64_t        d = e.shape().n_embd;
    std::vector<int32_t> mined(data.pairs.size(), -1);
    for (size_t s = 0; s < data.candidates.size(); ++s) {
        const std::vector<size_t> open = open_pairs(data, s);
        if (open.empty()) {
            continue;
        }
        const bool documents = data.pairs[open.front()].documents; // they are of one file
        texts      anchors, positives, candidates;
        for (const size_t i : open) {
            anchors.push_back(&data.pairs[i].anchor);
            positives.push_back(&data.pairs[i].positive);
        }
        for (const std::vector<int32_t> & text : data.candidates[s]) {
            candidates.push_back(&text);
        }
        const std::vector<int32_t> & instruction = documents ? before.document : before.query;
        const std::vector<float>     a = vectors_of(e, anchors, before.query, options, vocab);
        const std::vector<float>     p = vectors_of(e, positives, instruction, options, vocab);
        const std::vector<float>     c = vectors_of(e, candidates, instruction, options, vocab);
        int64_t                      n_found = 0;
        for (size_t i = 0; i < open.size(); ++i) {
            const float most = dot(&a[i * d], &p[i * d], d) - options.mine_margin;
            float       best = -2.0f;
            for (size_t k = 0; k < candidates.size(); ++k) {
                const float cosine = dot(&a[i * d], &c[k * d], d);
                if (cosine > best && cosine <= most && *candidates[k] != *anchors[i] && *candidates[k] != *positives[i]) {
                    best           = cosine;
                    mined[open[i]] = int32_t(k);
                }
            }
            n_found += mined[open[i]] >= 0;
        }
        log_message(MAGNET_LOG_INFO, "mined " + std::to_string(n_found) + " hard negatives for " + std::to_string(open.size()) +
                                         " pairs among " + std::to_string(candidates.size()) + " texts");
    }
    return mined;
}

} // namespace magnet::train
