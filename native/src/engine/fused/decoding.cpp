#include "decoding.h"

#include "engine/rows.h"
#include "final-norm.h"

#include <algorithm>
#include <deque>
#include <set>

namespace magnet::fused {

namespace {

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
    pass(const std::vector<cached_row> & rows, const weights<T> & base, bool one_token_each)
        : one_token_each(one_token_each) {
        for (const cached_row & r : rows) {
            const int32_t i = int32_t(group.rows.size());
            plain.push_back(r.row);
            group.rows.push_back(i);
            group.offsets.push_back(group.n_tokens() + r.row.n_tokens);
            auto * cache = static_cast<sequence_cache<T> *>(r.cache);
            places.push_back({ cache, r.again >= 0 ? r.again : cache->size(), r.again < 0 });
            if (r.logits != nullptr) {
                tokens.push_back(group.offsets[i] + r.output);
                logits.push_back(r.logits);
            }
        }
        prepared = std::make_unique<prepared_group>(group, plain, base.frequencies);
    }

    pass(const pass &)             = delete; // `prepared` points to `group`
    pass & operator=(const pass &) = delete;

    int32_t n_outputs() const { return int32_t(tokens.size()); }

    const bool                      one_token_each; // from the stored weights
    row_group                       group = { {}, { 0 } };
    std::vector<engine_row>         plain;
    std::vector<cache_place<T>>     places;
    std::unique_ptr<prepared_group> prepared;
    std::vector<int32_t>            tokens; // [outputs] of the group
    std::vector<float *>            logits; // [outputs]
};

template <class T>
void decoding<T>::extend(const std::vector<cached_row> & rows, const stored_weights * stored) {
    check(rows, base.hp.n_vocab);
    if (stored != nullptr && !steps) {
        steps = std::make_unique<step_runner<T>>(base, *stored, lora, kernels);
    }
    // Tokens that come one by one are multiplied with other weights than those of a prompt. Whoever shares the pass has no say
    // in that, so that no number depends on it.
    std::vector<cached_row> single, longer;
    for (const cached_row & r : rows) {
        (stored != nullptr && r.row.n_tokens == 1 ? single : longer).push_back(r);
    }
    if (int32_t(single.size()) > set.most_stored) {
        longer.insert(longer.end(), single.begin(), single.end());
        single.clear();
    }
    blocks.stored = set.integers ? stored : nullptr;
    std::deque<pass> passes;
    if (!single.empty()) {
        passes.emplace_back(single, base, true);
    }
    if (!longer.empty()) {
        passes.emplace_back(longer, base, false);
    }
    for (const pass & p : passes) {
        reserve(p);
    }
    for (const pass & p : passes) { // from here on nothing fails but for want of memory
        for (size_t r = 0; r < p.places.size(); ++r) {
            if (p.places[r].keep) {
                p.places[r].cache->append(p.plain[r]);
            }
        }
    }
    try {
        for (const pass & p : passes) {
            p.one_token_each ? step(p) : forward(p);
        }
    } catch (...) {
        for (const pass & p : passes) {
            for (const cache_place<T> & place : p.places) {
                if (place.keep) {
                    place.cache->truncate(place.first);
                }
            }
        }
        throw;
    }
}

template <class T>
bool decoding<T>::has_stored_head(const pass & p) const {
    return steps && p.n_outputs() <= set.most_stored;
}

template <class T>
void decoding<T>::reserve(const pass & p) {
    const int32_t n = p.group.n_tokens();
    if (p.one_token_each) {
        steps->reserve(n, pool.size());
    } else {
        blocks.reserve(n, set.infer.chunk, run_mode::infer);
        if (has_stored_head(p)) {
            steps->reserve(p.n_outputs(), pool.size());
        } else {
            hidden.reserve(int64_t(p.n_outputs()) * base.hp.n_embd);
            rounded.reserve(p.n_outputs(), base.hp.n_embd);
            scores.reserve(int64_t(p.n_outputs()) * base.hp.n_vocab);
        }
    }
    for (size_t r = 0; r < p.places.size(); ++r) {
        p.places[r].cache->reserve(p.places[r].first + p.plain[r].n_tokens);
    }
}

// One token of each sequence, from the stored weights.
template <class T>
void decoding<T>::step(const pass & p) {
    steps->begin(p.places.data(), int32_t(p.places.size()));
    pool.run_with_helpers([&](int32_t rank) {
        steps->forward(rank, *p.prepared);
        steps->logits(rank, nullptr, p.tokens.data(), p.n_outputs(), p.logits.data());
    });
}

// Many tokens, from the wider weights.
template <class T>
void decoding<T>::forward(const pass & p) {
    const bool stored_head = has_stored_head(p);
    barrier    meeting(pool.size());
    pool.run([&](int32_t rank) {
        const member me = { { rank, pool.size() }, pool.size() > 1 ? &meeting : nullptr };
        try {
            blocks.forward(me, *p.prepared, {}, p.places.data());
            if (!stored_head) {
                score(me, p.tokens, p.logits);
            }
        } catch (...) { // no memory; those who wait for this thread learn of it
            meeting.break_up();
            throw;
        }
    });
    if (stored_head && p.n_outputs() > 0) {
        steps->begin(nullptr, 0);
        pool.run_with_helpers(
            [&](int32_t rank) { steps->logits(rank, &blocks.x, p.tokens.data(), p.n_outputs(), p.logits.data()); });
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
        finish_logits(base.hp, kernels, scores.data() + int64_t(i) * base.hp.n_vocab, base.hp.n_vocab);
        std::copy_n(scores.data() + int64_t(i) * base.hp.n_vocab, base.hp.n_vocab, logits[i]);
    }
}

template class decoding<bf16>;
template class decoding<float>;

} // namespace magnet::fused
