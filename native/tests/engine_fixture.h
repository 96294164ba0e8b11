// What the engine's tests share: tiny models on disk, rows under every role pattern, random adapters, distances.
#pragma once

#include "base/error.h"
#include "engine/engine.h"
#include "magnet-mask.h"
#include "reference_model.h"
#include "test_files.h"
#include "tiny_model.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace magnet::testing {

// A file that is gone when the test ends.
class temporary_model {
    const test_folder folder;

public:
    explicit temporary_model(const tiny_model_params & params) { write_tiny_model(path, params); }

    const std::string path = folder / "model.gguf";
};

// Of every family that the fused engine covers and that is more than another one: what sets it apart makes a difference to
// rows of ten tokens.
inline std::vector<tiny_model_params> families() {
    std::vector<tiny_model_params> all(10);
    const char * const names[] = { "llama",  "qwen2",   "qwen3",   "gemma", "gemma2",
                                   "gemma3", "smollm3", "granite", "olmo2", "phi3" };
    for (size_t i = 0; i < all.size(); ++i) {
        all[i].arch = names[i];
    }
    all[0].rope_freqs   = true; // as Llama 3
    all[2].head_dim     = 12;
    all[4].window       = 5;
    all[4].score_cap    = 2.0f;
    all[4].logit_cap    = 3.0f;
    all[5].window       = 4;
    all[5].window_every = 2;
    all[5].head_dim     = 12;
    all[5].rope_base    = 1000.0f;
    all[5].rope_scale   = 2.0f;
    all[6].n_layer      = 4;
    all[7].multiplier   = 3.0f;
    all[8].n_layer      = 4;
    all[8].window       = 5;
    all[8].rope_scale   = 2.0f; // which layers with a window do not have
    all[8].tied         = false;
    return all;
}

// A row that owns its arrays.
struct owned_row {
    std::vector<int32_t> tokens, pos;
    std::vector<int8_t>  roles;

    engine_row view() const { return { tokens.data(), pos.data(), roles.data(), int32_t(tokens.size()) }; }
};

enum class pattern { causal, bidirectional, hybrid, ordered };

// n random tokens. Hybrid and ordered have a span of a third of the row in the middle, and what follows it starts some
// positions later (slack), so that positions have a gap.
inline owned_row random_row(int32_t n, pattern p, int32_t n_vocab, std::mt19937 & random) {
    owned_row row;
    for (int32_t i = 0; i < n; ++i) {
        const bool span = i >= n / 3 && i < 2 * n / 3;
        row.tokens.push_back(int32_t(random() % uint32_t(n_vocab)));
        row.pos.push_back(p == pattern::causal || p == pattern::bidirectional || i < 2 * n / 3 ? i : i + 3);
        row.roles.push_back(p == pattern::causal               ? int8_t(MAGNET_MASK_SPAN)
                            : p == pattern::bidirectional      ? int8_t(MAGNET_MASK_CONTEXT)
                            : span                             ? int8_t(MAGNET_MASK_SPAN)
                            : p == pattern::hybrid             ? int8_t(MAGNET_MASK_CONTEXT)
                                                               : int8_t(MAGNET_MASK_ORDERED));
    }
    return row;
}

constexpr pattern all_patterns[] = { pattern::causal, pattern::bidirectional, pattern::hybrid, pattern::ordered };

inline std::vector<engine_row> views(const std::vector<owned_row> & rows) {
    std::vector<engine_row> all;
    for (const owned_row & row : rows) {
        all.push_back(row.view());
    }
    return all;
}

// Rows of the given lengths, patterns in turn.
inline std::vector<owned_row> random_rows(const std::vector<int32_t> & lengths, int32_t n_vocab, uint32_t seed) {
    std::mt19937           random(seed);
    std::vector<owned_row> rows;
    for (size_t i = 0; i < lengths.size(); ++i) {
        rows.push_back(random_row(lengths[i], all_patterns[i % 4], n_vocab, random));
    }
    return rows;
}

// An adapter of these matrices with A and B both random (B of zeros would hide A's gradient).
inline lora_set random_adapter(std::vector<lora_matrix> targets, int32_t rank, float scale, uint32_t seed) {
    std::mt19937 random(seed);
    lora_set     set;
    set.rank     = rank;
    set.scale    = scale;
    set.matrices = std::move(targets);
    for (lora_matrix & m : set.matrices) {
        std::normal_distribution<float> a(0.0f, 1.0f / std::sqrt(float(m.n_in)));
        std::normal_distribution<float> b(0.0f, 0.3f);
        m.a.resize(size_t(rank) * m.n_in);
        m.b.resize(size_t(rank) * m.n_out);
        for (float & v : m.a) {
            v = a(random);
        }
        for (float & v : m.b) {
            v = b(random);
        }
    }
    return set;
}

inline lora_set zeros_like(const lora_set & set) {
    lora_set z = set;
    for (lora_matrix & m : z.matrices) {
        m.a.assign(m.a.size(), 0.0f);
        m.b.assign(m.b.size(), 0.0f);
    }
    return z;
}

// max |a - b| / max |b|
template <class A, class B>
double relative_error(const A & a, const B & b) {
    double difference = 0.0, size = 0.0;
    for (size_t i = 0; i < b.size(); ++i) {
        difference = std::max(difference, std::fabs(double(a[i]) - double(b[i])));
        size       = std::max(size, std::fabs(double(b[i])));
    }
    return difference / size;
}

template <class A, class B>
double cosine(const A & a, const B & b) {
    double ab = 0.0, aa = 0.0, bb = 0.0;
    for (size_t i = 0; i < b.size(); ++i) {
        ab += double(a[i]) * b[i];
        aa += double(a[i]) * a[i];
        bb += double(b[i]) * b[i];
    }
    return ab / std::sqrt(aa * bb);
}

inline fused_engine_params engine_params(const std::string & kernel, engine_precision precision, int32_t n_threads,
                                         bool recompute = false) {
    fused_engine_params p;
    p.kernel    = kernel;
    p.precision = precision;
    p.n_threads = n_threads;
    p.recompute = recompute;
    return p;
}

inline std::vector<std::vector<float>> hidden_of(engine & e, const std::vector<engine_row> & rows) {
    std::vector<std::vector<float>> hidden;
    std::vector<float *>            out;
    for (const engine_row & row : rows) {
        hidden.emplace_back(size_t(row.n_tokens) * e.shape().n_embd);
    }
    for (auto & h : hidden) {
        out.push_back(h.data());
    }
    e.forward(rows, out);
    return hidden;
}

} // namespace magnet::testing
