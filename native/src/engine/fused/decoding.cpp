#include "decoding.h"

#include "engine/rows.h"
#include "final-norm.h"

#include <algorithm>
#include <set>

namespace magnet::fused {

namespace {

// So many sequences, of one token each, are decoded faster from the file's weights than from the wider ones: they are fewer bytes.
constexpr int32_t few_sequences = 8;

void check(const std::vector<cached_row> & rows, int32_t n_vocab) {
    std::vector<engine_row>    plain;
    std::set<const kv_cache *> caches;
    for (const cached_row & r : rows) {
        plain.push_back(r.row);
        if (!caches.insert(r.cache).second || r.output < 0 || r.output >= r.row.n_tokens ||
            (r.again >= 0 && (r.row.n_tokens != 1 || r.again >= r.cache->size()))) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, "rows of a pass must have caches of their own, and outputs in them.");
        }
    }
    check_rows(plain, n_vocab);
}

} // namespace

template <class T>
struct decoding<T>::pass {
    pass(const std::vector<cached_row> & rows, const weights<T> & base) {
        for (const cached_row & r : rows) {
            const int32_t i = int32_t(group.rows.size());
            plain.push_back(r.row);
            group.rows.push_back(i);
            group.offsets.push_back(group.n_tokens() + r.row.n_tokens);
            auto * cache = static_cast<sequence_cache<T> *>(r.cache);
            places.push_back({ cache, r.again >= 0 ? r.again : cache->size(), r.again < 0 });
            if (r.logits != nullptr) {
                wanted.push_back({ group.offsets[i] + r.output, r.logits });
            }
        }
        prepared = std::make_unique<prepared_group>(group, plain, base.hp, base.rope_factors);
    }

    row_group                       group = { {}, { 0 } };
    std::vector<engine_row>         plain;
    std::vector<cache_place<T>>     places;
    std::unique_ptr<prepared_group> prepared;
    bool                            few         = false; // sequences: a token each, from the stored weights
    bool                            few_outputs = false; // the same of the head

    struct output {
        int32_t token; // of the group
        float * logits;
    };
    std::vector<output> wanted;
};

template <class T>
void decoding<T>::extend(const std::vector<cached_row> & rows, const stored_weights * stored) {
    if (rows.empty()) {
        return;
    }
    check(rows, base.hp.n_vocab);
    pass          p(rows, base);
    const int32_t n = p.group.n_tokens();
    p.few           = stored != nullptr && n == int32_t(rows.size()) && n <= few_sequences;
    p.few_outputs   = stored != nullptr && p.wanted.size() <= few_sequences;
    if (stored != nullptr && !steps) {
        steps = std::make_unique<step_runner<T>>(base, *stored, lora, kernels);
        steps->reserve(few_sequences, pool.size());
    }
    if (p.few) {
        steps->reserve(n, pool.size());
    } else {
        blocks.reserve(n, set.infer.chunk, run_mode::infer);
    }
    hidden.reserve(int64_t(rows.size()) * base.hp.n_embd);
    if (!p.few_outputs) {
        rounded.reserve(int64_t(p.wanted.size()), base.hp.n_embd);
        scores.reserve(int64_t(p.wanted.size()) * base.hp.n_vocab);
    }
    for (size_t r = 0; r < rows.size(); ++r) {
        p.places[r].cache->reserve(p.places[r].first + rows[r].row.n_tokens);
    }
    for (size_t r = 0; r < rows.size(); ++r) { // from here on nothing fails but for want of memory
        if (p.places[r].keep) {
            p.places[r].cache->append(rows[r].row);
        }
    }
    try {
        compute(p);
    } catch (...) {
        for (const cache_place<T> & place : p.places) {
            if (place.keep) {
                place.cache->truncate(place.first);
            }
        }
        throw;
    }
}

template <class T>
void decoding<T>::compute(pass & p) {
    const int32_t        n = int32_t(p.wanted.size());
    std::vector<int32_t> tokens;
    std::vector<float *> logits;
    for (const auto & output : p.wanted) {
        tokens.push_back(output.token);
        logits.push_back(output.logits);
    }
    if (p.few) {
        steps->begin(p.places.data(), int32_t(p.places.size()));
        pool.run_with_helpers([&](int32_t rank) {
            steps->forward(rank, *p.prepared);
            steps->logits(rank, nullptr, tokens.data(), n, logits.data());
        });
        return;
    }
    barrier meeting(pool.size());
    pool.run([&](int32_t rank) {
        const member me = { { rank, pool.size() }, pool.size() > 1 ? &meeting : nullptr };
        try {
            blocks.forward(me, *p.prepared, {}, p.places.data());
            if (!p.few_outputs) {
                score(me, tokens, logits);
            }
        } catch (...) { // no memory; those who wait for this thread learn of it
            meeting.break_up();
            throw;
        }
    });
    if (p.few_outputs && n > 0) {
        steps->begin(nullptr, 0);
        pool.run_with_helpers([&](int32_t rank) { steps->logits(rank, &blocks.x, tokens.data(), n, logits.data()); });
    }
}

template <class T>
void decoding<T>::score(const member & me, const std::vector<int32_t> & tokens, const std::vector<float *> & logits) {
    const int32_t d = base.hp.n_embd, n = int32_t(tokens.size());
    int32_t       from, to;
    me.range(0, n, from, to);
    for (int32_t i = from; i < to; ++i) {
        float * out = hidden.data() + int64_t(i) * d;
        final_norm_row(base.hp, base.output_norm, blocks.x.row(tokens[i]), out);
        kernels.convert(out, d, 1, d, rounded.row(i), rounded.ld);
    }
    me.sync();
    head.logits(me.part, rounded.row(0), rounded.ld, n, scores.data());
    me.sync();
    for (int32_t i = from; i < to; ++i) {
        std::copy_n(scores.data() + int64_t(i) * base.hp.n_vocab, base.hp.n_vocab, logits[i]);
    }
}

template class decoding<bf16>;
template class decoding<float>;

} // namespace magnet::fused
