// Decoding with the fused engine against the double-precision reference: a row encoded piece by piece through a cache gives
// the logits of the same row read at once.
#include "engine_fixture.h"
#include "magnet-mask.h"

#include <doctest/doctest.h>

using namespace magnet;
using namespace magnet::testing;

namespace {

std::vector<tiny_model_params> models() {
    std::vector<tiny_model_params> all(4);
    all[1].arch      = "qwen3";
    all[1].n_embd    = 96;
    all[1].n_head    = 4;
    all[1].n_head_kv = 2;
    all[1].head_dim  = 32;
    all[1].n_rot     = 16;
    all[1].n_ff      = 160;
    all[2].arch      = "gemma";
    all[2].n_embd    = 33;
    all[2].n_head    = 3;
    all[2].n_head_kv = 1;
    all[2].head_dim  = 10;
    all[2].n_rot     = 6;
    all[2].n_ff      = 37;
    all[3].arch      = "qwen2";
    all[3].n_embd    = 140;
    all[3].n_head    = 5;
    all[3].n_head_kv = 1;
    all[3].head_dim  = 80;
    all[3].n_rot     = 80;
    all[3].n_ff      = 101;
    all[3].tied      = false;
    for (const tiny_model_params & p : families()) {
        if (p.window > 0 || p.multiplier > 0.0f || p.rope_freqs || p.arch == "smollm3" || p.arch == "phi3") {
            all.push_back(p);
        }
    }
    return all;
}

// A sequence in the order of encoding, and where it may be cut: pieces see nothing of later ones.
struct sequence {
    owned_row            row;
    std::vector<int32_t> cuts; // ends of pieces, the last the whole
};

// All SPAN, in pieces of these sizes.
sequence causal(std::vector<int32_t> sizes, int32_t n_vocab, uint64_t seed) {
    sequence s;
    int32_t  n = 0;
    for (const int32_t size : sizes) {
        s.cuts.push_back(n += size);
    }
    s.row = random_rows({ n }, n_vocab, seed)[0];
    for (int32_t i = 0; i < n; ++i) {
        s.row.pos[i]   = i;
        s.row.roles[i] = MAGNET_MASK_SPAN;
    }
    return s;
}

// Left and right context around a gap of `gap` places, then its tokens one by one.
sequence around_gap(int8_t role, int32_t left, int32_t right, int32_t gap, int32_t n_vocab, uint64_t seed) {
    sequence s = causal({ left + right + gap }, n_vocab, seed);
    for (int32_t i = 0; i < left + right; ++i) {
        s.row.roles[i] = role;
        s.row.pos[i]   = i < left ? i : i + gap;
    }
    s.cuts = { left + right };
    for (int32_t i = 0; i < gap; ++i) {
        s.row.pos[left + right + i] = left + i;
        s.cuts.push_back(left + right + i + 1);
    }
    return s;
}

cached_row piece_of(const sequence & s, int32_t begin, int32_t end, kv_cache & cache, std::vector<float> & logits) {
    cached_row r;
    r.row    = { s.row.tokens.data() + begin, s.row.pos.data() + begin, s.row.roles.data() + begin, end - begin };
    r.cache  = &cache;
    r.output = end - begin - 1;
    r.logits = logits.data();
    return r;
}

// Logits of each token of the whole row.
class dense_logits {
public:
    dense_logits(const reference_model & reference, const sequence & s, const std::vector<const lora_set *> & sets = {})
        : reference(reference), hidden(reference.hidden(s.row.view(), sets)),
          width(int64_t(hidden.size()) / s.row.view().n_tokens) {}

    std::vector<double> at(int32_t token) const {
        return reference.logits({ hidden.begin() + token * width, hidden.begin() + (token + 1) * width });
    }

private:
    const reference_model &   reference;
    const std::vector<double> hidden;
    const int64_t             width;
};

void check_close(const std::vector<float> & got, const std::vector<double> & expected, engine_precision precision) {
    if (precision == engine_precision::f32) {
        CHECK(relative_error(got, expected) < 3e-5);
    } else {
        CHECK(relative_error(got, expected) < 0.06);
        CHECK(cosine(got, expected) > 0.999);
    }
}

std::vector<sequence> sequences(int32_t n_vocab) {
    return { causal({ 1, 1, 1, 30, 1, 70, 1, 1 }, n_vocab, 1), causal({ 33, 1, 1, 1, 130, 1, 1 }, n_vocab, 2),
             around_gap(MAGNET_MASK_CONTEXT, 20, 19, 6, n_vocab, 3),
             around_gap(MAGNET_MASK_ORDERED, 40, 70, 6, n_vocab, 4) };
}

} // namespace

TEST_CASE("a sequence that is encoded piece by piece gives the logits of the whole") {
    for (const tiny_model_params & p : models()) {
        const temporary_model file(p);
        const reference_model reference(file.path);
        std::vector<std::pair<sequence, dense_logits>> cases;
        for (const sequence & s : sequences(p.n_vocab)) {
            cases.emplace_back(s, dense_logits(reference, s));
        }
        for (const std::string & kernel : fused_engine_kernels()) {
            for (const engine_precision precision : { engine_precision::f32, engine_precision::bf16 }) {
                for (const int32_t n_threads : { 1, 3 }) {
                    const auto e = make_fused_engine(file.path, engine_params(kernel, precision, n_threads));
                    for (const auto & [s, expected] : cases) {
                        const auto         cache = e->make_cache(false);
                        std::vector<float> logits(p.n_vocab);
                        int32_t            begin = 0;
                        for (const int32_t end : s.cuts) {
                            e->extend({ piece_of(s, begin, end, *cache, logits) });
                            CHECK(cache->size() == end);
                            CAPTURE(p.arch);
                            CAPTURE(kernel);
                            CAPTURE(end);
                            check_close(logits, expected.at(end - 1), precision);
                            begin = end;
                        }
                    }
                }
            }
        }
    }
}

TEST_CASE("a long context, whose keys are cut into parts") {
    const tiny_model_params p = models()[1];
    const temporary_model   file(p);
    const reference_model   reference(file.path);
    for (const sequence & s : { causal({ 1100, 1, 1 }, p.n_vocab, 5), around_gap(MAGNET_MASK_CONTEXT, 1030, 40, 2, p.n_vocab, 6),
                                around_gap(MAGNET_MASK_ORDERED, 30, 1020, 2, p.n_vocab, 7) }) {
        const dense_logits expected(reference, s);
        const auto         e     = make_fused_engine(file.path, engine_params("", engine_precision::bf16, 2));
        const auto         cache = e->make_cache(false);
        std::vector<float> logits(p.n_vocab);
        int32_t            begin = 0;
        for (const int32_t end : s.cuts) {
            e->extend({ piece_of(s, begin, end, *cache, logits) });
            CAPTURE(end);
            check_close(logits, expected.at(end - 1), engine_precision::bf16);
            begin = end;
        }
    }
}

TEST_CASE("sequences of a pass do not know of each other, and adapters are applied") {
    for (const tiny_model_params & p : models()) {
        const temporary_model file(p);
        const reference_model reference(file.path);
        const lora_set        set = random_adapter(reference.targets(), 5, 0.5f, 11);
        for (const engine_precision precision : { engine_precision::f32, engine_precision::bf16 }) {
            const auto e = make_fused_engine(file.path, engine_params("", precision, 2));
            e->set_lora({ &set });
            std::vector<sequence>                  all;
            std::vector<std::unique_ptr<kv_cache>> caches;
            std::vector<dense_logits>              expected;
            std::vector<std::vector<float>>        logits(7, std::vector<float>(p.n_vocab));
            for (int32_t i = 0; i < 7; ++i) {
                all.push_back(causal({ 3 + 11 * i, 1, 1, 2 }, p.n_vocab, 20 + i));
                expected.emplace_back(reference, all[i], std::vector<const lora_set *>{ &set });
                caches.push_back(e->make_cache(false));
            }
            for (size_t step = 0; step < 4; ++step) {
                for (const size_t n : { size_t(2), all.size() }) { // few at once, then the others
                    std::vector<cached_row> rows;
                    for (size_t i = n == 2 ? 0 : 2; i < n; ++i) {
                        rows.push_back(piece_of(all[i], step == 0 ? 0 : all[i].cuts[step - 1], all[i].cuts[step], *caches[i],
                                                logits[i]));
                    }
                    e->extend(rows);
                }
                for (size_t i = 0; i < all.size(); ++i) {
                    CAPTURE(p.arch);
                    CAPTURE(i);
                    check_close(logits[i], expected[i].at(all[i].cuts[step] - 1), precision);
                }
            }
        }
    }
}

TEST_CASE("whoever shares the pass, a sequence's numbers are the same") {
    for (const tiny_model_params & p : models()) {
        const temporary_model file(p);
        const reference_model reference(file.path);
        const lora_set        set = random_adapter(reference.targets(), 5, 0.5f, 11);
        const auto            e   = make_fused_engine(file.path, engine_params("", engine_precision::bf16, 2));
        e->set_lora({ &set });
        // Pieces of sequence i begin at pass i, so that single tokens, prompts and ends of prompts meet in all ways.
        constexpr int32_t                      n = 13;
        std::vector<sequence>                  all;
        std::vector<std::unique_ptr<kv_cache>> caches;
        std::vector<std::vector<float>>        together(n, std::vector<float>(p.n_vocab));
        for (int32_t i = 0; i < n; ++i) {
            all.push_back(causal({ i % 3 == 0 ? 1 : 40 + 9 * i, 1, 1, i % 2 == 0 ? 30 : 1, 1 }, p.n_vocab, 40 + i));
            caches.push_back(e->make_cache(false));
        }
        for (int32_t round = 0; round < n + 5; ++round) {
            std::vector<cached_row> rows;
            for (int32_t i = 0; i < n; ++i) {
                const int32_t piece = round - i / 2;
                if (piece >= 0 && piece < 5) {
                    rows.push_back(piece_of(all[i], piece == 0 ? 0 : all[i].cuts[piece - 1], all[i].cuts[piece], *caches[i],
                                            together[i]));
                }
            }
            e->extend(rows);
        }
        for (int32_t i = 0; i < n; ++i) {
            const auto         cache = e->make_cache(false);
            std::vector<float> alone(p.n_vocab);
            int32_t            begin = 0;
            for (const int32_t end : all[i].cuts) {
                e->extend({ piece_of(all[i], begin, end, *cache, alone) });
                begin = end;
            }
            CAPTURE(p.arch);
            CAPTURE(i);
            CHECK(together[i] == alone);
        }
    }
}

TEST_CASE("a cache forgets its end, is copied, gives an output again and keeps what it had when a pass fails") {
    const tiny_model_params p = models()[0];
    const temporary_model   file(p);
    const reference_model   reference(file.path);
    const auto              e = make_fused_engine(file.path, engine_params("", engine_precision::f32, 2));
    const sequence          s = causal({ 50, 40 }, p.n_vocab, 1), other = causal({ 90 }, p.n_vocab, 2);
    const auto              cache = e->make_cache(false), copy = e->make_cache(false);
    std::vector<float>      logits(p.n_vocab);

    e->extend({ piece_of(s, 0, 50, *cache, logits) });
    e->extend({ piece_of(other, 50, 90, *cache, logits) });
    cache->truncate(50);
    copy->copy_from(*cache);
    e->extend({ piece_of(s, 50, 90, *cache, logits) });
    check_close(logits, dense_logits(reference, s).at(89), engine_precision::f32);
    std::fill(logits.begin(), logits.end(), 0.0f);
    e->extend({ piece_of(s, 50, 90, *copy, logits) });
    check_close(logits, dense_logits(reference, s).at(89), engine_precision::f32);

    const sequence gap    = around_gap(MAGNET_MASK_CONTEXT, 20, 19, 3, p.n_vocab, 3);
    const auto     around = e->make_cache(false);
    e->extend({ piece_of(gap, 0, 40, *around, logits) });
    cached_row again = piece_of(gap, 10, 11, *around, logits);
    again.again      = 10;
    e->extend({ again });
    CHECK(around->size() == 40);
    check_close(logits, dense_logits(reference, gap).at(10), engine_precision::f32);

    const int32_t foreign = p.n_vocab;
    cached_row    bad     = piece_of(s, 0, 1, *cache, logits);
    bad.row.tokens        = &foreign;
    CHECK_THROWS_AS(e->extend({ piece_of(s, 0, 1, *copy, logits), bad }), error);
    CHECK_THROWS_AS(e->extend({ piece_of(s, 0, 1, *copy, logits), piece_of(s, 0, 1, *copy, logits) }), error);
    CHECK(copy->size() == 90);
}

TEST_CASE("a cache of 8 bits gives the logits of keys and values that were rounded so") {
    for (const tiny_model_params & p : models()) {
        const temporary_model file(p);
        const reference_model exact(file.path);
        reference_model       reference(file.path);
        reference.round_keys_and_values();
        for (const sequence & s : sequences(p.n_vocab)) {
            const dense_logits expected(reference, s), unrounded(exact, s);
            for (const std::string & kernel : fused_engine_kernels()) {
                for (const engine_precision precision : { engine_precision::f32, engine_precision::bf16 }) {
                    const auto         e     = make_fused_engine(file.path, engine_params(kernel, precision, 1));
                    const auto         cache = e->make_cache(true), copy = e->make_cache(true);
                    std::vector<float> logits(p.n_vocab);
                    int32_t            begin = 0;
                    for (const int32_t end : s.cuts) {
                        copy->copy_from(*cache);
                        e->extend({ piece_of(s, begin, end, *copy, logits) });
                        CAPTURE(p.arch);
                        CAPTURE(kernel);
                        CAPTURE(end);
                        const std::vector<double> wanted = expected.at(end - 1);
                        if (precision == engine_precision::f32) { // now and then a value falls to the other side of a half
                            CHECK(relative_error(logits, wanted) < 1e-3);
                            CHECK(relative_error(logits, wanted) < 0.5 * relative_error(logits, unrounded.at(end - 1)));
                        } else {
                            check_close(logits, wanted, precision);
                        }
                        e->extend({ piece_of(s, begin, end, *cache, logits) });
                        begin = end;
                    }
                    const auto wide = e->make_cache(false);
                    e->extend({ piece_of(s, 0, s.cuts.back(), *wide, logits) });
                    CHECK(cache->bytes() * (precision == engine_precision::f32 ? 3 : 1) < wide->bytes());
                }
            }
        }
    }
}
