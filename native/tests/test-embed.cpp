// Embedding against a dense double-precision pass, on every architecture and through every engine that takes it.
#include "api.h"
#include "api_reference.h"

#include <cmath>
#include <cstring>
#include <vector>

using namespace magnet::testing;

namespace {

const char * const sentences[] = {"TOM LOST HIS KEYS", "A", "", "RAIN FELL ALL NIGHT AND THE RIVER ROSE"};

// [BOS] instruction text EOS under one role, and which of it the mean is over.
struct text_row {
    std::vector<int32_t> tokens;
    size_t               begin, end;

    text_row(const model_ptr & model, const std::string & instruction, const std::string & sentence) {
        tokens = tokenize(model, instruction, true); // a BOS where the vocabulary has one in front
        begin  = tokens.size();
        // behind an instruction no text begins, so SentencePiece puts no space in front: as after any character
        const std::string          before = instruction.empty() ? "" : "!";
        const std::vector<int32_t> own    = tokenize(model, before + sentence);
        tokens.insert(tokens.end(), own.begin() + (int64_t)tokenize(model, before).size(), own.end());
        end = tokens.size();
        tokens.push_back(info_of(model).token_eos);
        if (begin == end) {
            begin = tokens.size() - 1; // nothing of its own: the mean is over EOS
            end   = tokens.size();
        }
    }
};

std::vector<double> expected_vector(const dense & truth, const text_row & row, int32_t attention, int32_t pooling) {
    const int8_t              role = attention == MAGNET_ATTENTION_CAUSAL ? MAGNET_ROLE_SPAN : MAGNET_ROLE_CONTEXT;
    const std::vector<int8_t> roles(row.tokens.size(), role);
    const magnet::engine_row  view   = {row.tokens.data(), nullptr, roles.data(), (int32_t)row.tokens.size()};
    const std::vector<double> hidden = truth.model().hidden(view);
    const size_t              width  = truth.model().n_embd();
    const bool                last   = pooling == MAGNET_POOLING_LAST;
    std::vector<double>       pooled(width, 0.0);
    double                    norm = 0.0;
    for (size_t d = 0; d < width; ++d) {
        for (size_t t = last ? row.tokens.size() - 1 : row.begin; t < (last ? row.tokens.size() : row.end); ++t) {
            pooled[d] += hidden[t * width + d];
        }
        norm += pooled[d] * pooled[d];
    }
    for (double & x : pooled) {
        x /= std::sqrt(norm);
    }
    return pooled;
}

} // namespace

TEST_CASE("embed: the pooled vectors of a dense pass, under either attention") {
    for (const char * architecture : architectures) {
        const model_ptr          model = load_model(architecture_path(architecture));
        const dense              truth(architecture);
        const int32_t            width = info_of(model).n_embd;
        std::vector<magnet_text> texts;
        for (const char * s : sentences) {
            texts.push_back(text(s));
        }
        for (const int32_t engine : {MAGNET_ENGINE_FUSED, MAGNET_ENGINE_GRAPH}) {
            if (engine == MAGNET_ENGINE_FUSED && !info_of(model).fused_engine) {
                continue;
            }
            magnet_session_params sp  = session_params();
            sp.engine                 = engine;
            sp.flash_attention        = 0;
            const session_ptr session = make_session(model, sp);
            double            worst = 0.0, other = 0.0; // other: by the attention that was not asked for
            for (const char * instruction : {"", "EMBED "}) {
                for (const int32_t pooling : {MAGNET_POOLING_LAST, MAGNET_POOLING_MEAN}) {
                    for (const int32_t attention : {MAGNET_ATTENTION_BIDIRECTIONAL, MAGNET_ATTENTION_CAUSAL}) {
                        magnet_embed_params p = magnet_embed_default_params();
                        p.instruction         = instruction;
                        p.pooling             = pooling;
                        p.attention           = attention;
                        std::vector<float> vectors(texts.size() * width);
                        require_ok(magnet_embed(session.get(), texts.data(), (int32_t)texts.size(), &p, vectors.data(),
                                                (int64_t)vectors.size(), nullptr));
                        const int32_t opposite = attention == MAGNET_ATTENTION_CAUSAL ? MAGNET_ATTENTION_BIDIRECTIONAL
                                                                                      : MAGNET_ATTENTION_CAUSAL;
                        for (size_t i = 0; i < texts.size(); ++i) {
                            const text_row row(model, instruction, sentences[i]);
                            const auto     right = expected_vector(truth, row, attention, pooling);
                            const auto     wrong = expected_vector(truth, row, opposite, pooling);
                            for (int32_t d = 0; d < width; ++d) {
                                worst = std::max(worst, std::fabs(vectors[i * width + d] - right[d]));
                                other = std::max(other, std::fabs(vectors[i * width + d] - wrong[d]));
                            }
                        }
                    }
                }
            }
            const bool gelu_table = !strcmp(architecture, "gemma2") || !strcmp(architecture, "gpt2"); // in half precision
            const double graph    = gpu_layers() != 0 ? 3e-2 : gelu_table ? 1e-3 : 1e-5; // GPU: TF32
            const double bound    = engine == MAGNET_ENGINE_FUSED ? 3e-2 : graph;        // fused: bf16
            CHECK(worst < bound);
            CHECK(other > 0.1);
            MESSAGE(architecture, ", engine ", engine, ": largest difference ", worst, ", of the other attention ", other);
        }
    }
}

TEST_CASE("embed: dimensions keeps the first numbers, and gives them length 1") {
    const model_ptr     model   = load_model(architecture_path("llama"));
    const session_ptr   session = make_session(model);
    magnet_embed_params p       = magnet_embed_default_params();
    p.normalize                 = false;
    const magnet_text  texts[]  = {text(sentences[0]), text(sentences[3])};
    std::vector<float> whole(2 * 32), some(2 * 5), small(2 * 5 + 1, 7.0f);
    require_ok(magnet_embed(session.get(), texts, 2, &p, whole.data(), 64, nullptr));
    p.dimensions = 5;
    require_ok(magnet_embed(session.get(), texts, 2, &p, some.data(), 10, nullptr));
    p.normalize = true;
    require_ok(magnet_embed(session.get(), texts, 2, &p, small.data(), 10, nullptr));
    for (size_t i = 0; i < 2; ++i) {
        double norm = 0.0;
        for (size_t d = 0; d < 5; ++d) {
            CHECK(some[i * 5 + d] == whole[i * 32 + d]);
            norm += (double)some[i * 5 + d] * some[i * 5 + d];
        }
        for (size_t d = 0; d < 5; ++d) {
            CHECK(small[i * 5 + d] == doctest::Approx(some[i * 5 + d] / std::sqrt(norm)).epsilon(1e-6));
        }
    }
    CHECK(small[10] == 7.0f);
    check_fails(magnet_embed(session.get(), texts, 2, &p, small.data(), 9, nullptr), MAGNET_STATUS_BUFFER_TOO_SMALL, {"10"});
}

TEST_CASE("vectors are packed as the header says") {
    const float   vectors[] = {0.5f, -0.25f, 0.0f, 0.125f, 1e-30f, 0.0f, 0.0f, 0.0f, -3.0f, //
                               0.0f, 0.0f,   0.0f, 0.0f,   0.0f,   0.0f, 0.0f, 0.0f, 0.0f};
    const int8_t  int8[]    = {21, -11, 0, 5, 0, 0, 0, 0, -127, 0, 0, 0, 0, 0, 0, 0, 0, 0}; // x * 127 / 3
    const uint8_t bits[]    = {0x98, 0x00, 0x00, 0x00};
    int64_t       size      = 0;
    const auto    packed    = [&](int32_t precision) {
        require_ok(magnet_vectors_pack(vectors, 2, 9, precision, nullptr, 0, &size));
        std::vector<uint8_t> out((size_t)size);
        check_fails(magnet_vectors_pack(vectors, 2, 9, precision, out.data(), size - 1, nullptr),
                    MAGNET_STATUS_BUFFER_TOO_SMALL, {std::to_string(size).c_str()});
        require_ok(magnet_vectors_pack(vectors, 2, 9, precision, out.data(), size, nullptr));
        return out;
    };
    CHECK(packed(MAGNET_PRECISION_INT8) == std::vector<uint8_t>((const uint8_t *)int8, (const uint8_t *)int8 + 18));
    CHECK(packed(MAGNET_PRECISION_BINARY) == std::vector<uint8_t>(bits, bits + 4));
    const auto same = packed(MAGNET_PRECISION_FLOAT32);
    CHECK((same.size() == sizeof vectors && !std::memcmp(same.data(), vectors, sizeof vectors)));

    const float bad[] = {0.0f, INFINITY};
    uint8_t     out[8];
    check_fails(magnet_vectors_pack(bad, 1, 2, MAGNET_PRECISION_INT8, out, 8, nullptr), MAGNET_STATUS_INVALID_ARGUMENT,
                {"vector 0", "at 1"});
    check_fails(magnet_vectors_pack(bad, 1, 0, 0, out, 8, nullptr), MAGNET_STATUS_INVALID_ARGUMENT, {"dimensions"});
    check_fails(magnet_vectors_pack(bad, -1, 2, 0, out, 8, nullptr), MAGNET_STATUS_INVALID_ARGUMENT, {"n_vectors"});
    check_fails(magnet_vectors_pack(bad, INT64_MAX, 2, 0, out, 8, nullptr), MAGNET_STATUS_INVALID_ARGUMENT, {"n_vectors"});
    check_fails(magnet_vectors_pack(nullptr, 1, 2, 0, out, 8, nullptr), MAGNET_STATUS_INVALID_ARGUMENT, {"vectors"});
    check_fails(magnet_vectors_pack(bad, 1, 2, 3, out, 8, nullptr), MAGNET_STATUS_INVALID_ARGUMENT, {"precision"});
    require_ok(magnet_vectors_pack(nullptr, 0, 2, MAGNET_PRECISION_INT8, nullptr, 0, &size));
    CHECK(size == 0);
}
