// The attention rule against the table in the docs, and the mask builder of the patched llama.cpp against the rule.
#include <doctest/doctest.h>

#include "llama/magnet-hooks.h"
#include "magnet-mask.h"

#include <random>

namespace {

constexpr int8_t S = MAGNET_MASK_SPAN, C = MAGNET_MASK_CONTEXT, O = MAGNET_MASK_ORDERED;

// The table of docs/mask.md, spelled out: may query role q at position pq see key role k at position pk?
bool table(int8_t q, int32_t pq, int8_t k, int32_t pk) {
    if (k == C) {
        return true;
    }
    if (k == O) {
        return q == S || pk <= pq;
    }
    return q == S && pk <= pq;
}

} // namespace

TEST_CASE("the rule says what the table says") {
    for (const int8_t q : { S, C, O }) {
        for (const int8_t k : { S, C, O }) {
            for (const int32_t pq : { 0, 1, 5, 1 << 30 }) {
                for (const int32_t pk : { 0, 1, 4, 5, 6, 1 << 30 }) {
                    CAPTURE(int(q));
                    CAPTURE(int(k));
                    CAPTURE(pq);
                    CAPTURE(pk);
                    CHECK(magnet_mask_allows(q, pq, k, pk) == table(q, pq, k, pk));
                }
            }
        }
    }
}

TEST_CASE("all SPAN is causal, all CONTEXT is bidirectional") {
    for (int32_t q = 0; q < 8; ++q) {
        for (int32_t k = 0; k < 8; ++k) {
            CHECK(magnet_mask_allows(S, q, S, k) == (k <= q));
            CHECK(magnet_mask_allows(C, q, C, k));
        }
    }
}

TEST_CASE("a mask row holds what the rule allows, for any keys, sequences and windows") {
    std::mt19937 rng(7);
    const auto   draw = [&](int32_t n) { return (int32_t) (rng() % n); };

    for (int round = 0; round < 200; ++round) {
        const uint32_t n_tokens = 1 + draw(20);
        const int64_t  n_kv     = n_tokens + draw(30);
        const uint32_t n_swa    = draw(2) ? 0 : 1 + draw(10);

        struct key {
            bool         used;
            llama_seq_id seq;
            llama_pos    pos;
            int8_t       role;
        };
        std::vector<key> keys(n_kv);
        for (key & k : keys) {
            k = { draw(5) != 0, draw(3), draw(40), (int8_t) draw(3) };
        }

        std::vector<llama_pos>      pos(n_tokens);
        std::vector<int8_t>         roles(n_tokens);
        std::vector<llama_seq_id>   seq(n_tokens);
        std::vector<llama_seq_id *> seq_ptr(n_tokens);
        for (uint32_t i = 0; i < n_tokens; ++i) {
            pos[i]     = draw(40);
            roles[i]   = (int8_t) draw(3);
            seq[i]     = draw(3);
            seq_ptr[i] = &seq[i];
        }
        llama_ubatch ubatch = {};
        ubatch.n_tokens     = n_tokens;
        ubatch.pos          = pos.data();
        ubatch.seq_id       = seq_ptr.data();
        ubatch.role         = roles.data();

        llama_hparams hparams = {};
        hparams.use_alibi     = draw(3) == 0;
        const llama_swa_type window = n_swa ? LLAMA_SWA_TYPE_STANDARD : LLAMA_SWA_TYPE_NONE;

        std::vector<float> data(n_tokens * n_kv, 42.0f);
        magnet_fill_mask(
            ubatch, 0, n_tokens, n_kv, hparams, n_swa, window, 0.0f, -INFINITY, +[](float x) { return x; },
            [&](int64_t j, llama_seq_id s, llama_pos & p, int8_t & r) {
                p = keys[j].pos;
                r = keys[j].role;
                return keys[j].used && keys[j].seq == s;
            },
            data.data());

        for (uint32_t i = 0; i < n_tokens; ++i) {
            for (int64_t j = 0; j < n_kv; ++j) {
                const key & k    = keys[j];
                const bool  seen = k.used && k.seq == seq[i] && table(roles[i], pos[i], k.role, k.pos) &&
                                  !(n_swa && pos[i] - k.pos >= (int32_t) n_swa);
                const float value = hparams.use_alibi ? -(float) std::abs(k.pos - pos[i]) : 0.0f;
                REQUIRE(data[i * n_kv + j] == (seen ? value : -INFINITY));
            }
        }
    }
}
