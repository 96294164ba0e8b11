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
