// Losses, LoRA gradients and twenty optimizer steps against PyTorch (tests/golden/README: tiny-train-*.json).
#include "engine/engine.h"
#include "train/optimizer.h"
#include "train_golden.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace magnet;
using namespace magnet::train;
using namespace magnet::testing;
using nlohmann::json;

namespace {

struct setting {
    const char *     arch;
    engine_precision precision;
    bool             recompute;
    bool             graph = false; // the other engine
};

const setting settings[] = {
    {"llama", engine_precision::f32, false},  {"qwen2", engine_precision::f32, false},
    {"qwen3", engine_precision::f32, false},  {"llama", engine_precision::bf16, false},
    {"qwen2", engine_precision::bf16, false}, {"qwen3", engine_precision::bf16, false},
    {"llama", engine_precision::f32, true},        {"llama", engine_precision::f32, false, true},
    {"qwen3", engine_precision::f32, false, true}, {"qwen2", engine_precision::bf16, false, true},
    {"gemma3", engine_precision::f32, false},      {"gemma3", engine_precision::bf16, false},
    {"gemma3", engine_precision::f32, false, true}, {"olmo2", engine_precision::f32, false, true},
};

std::unique_ptr<engine> engine_of(const json & file, const setting & s) {
    if (s.graph) {
        graph_engine_params params;
        params.n_threads = 2;
        params.precision = s.precision;
        return make_graph_engine(golden_dir() + file["model"].get<std::string>(), params);
    }
    fused_engine_params params;
    params.n_threads = 2;
    params.precision = s.precision;
    params.recompute = s.recompute;
    return make_fused_engine(golden_dir() + file["model"].get<std::string>(), params);
}

} // namespace

TEST_CASE("losses and gradients of every objective") {
    for (const setting & s : settings) {
        const json      file  = read_golden(std::string("tiny-train-") + s.arch + ".json");
        const auto      e     = engine_of(file, s);
        const bool      exact = s.precision == engine_precision::f32;
        trained_numbers at    = {lora_of(file, file["lora"]), {}};
        for (const json & c : file["cases"]) {
            CAPTURE(s.arch);
            CAPTURE(exact);
            CAPTURE(s.graph);
            CAPTURE(c["name"].get<std::string>());
            trained_numbers   gradient;
            const step_losses losses    = gradient_of(*e, c, at, gradient);
            const double      tolerance = exact ? 1e-5 : 0.03;
            CHECK(losses.total == doctest::Approx(c["total"].get<double>()).epsilon(tolerance));
            for (const auto & [name, value] : c["losses"].items()) {
                const double mine = name == "mntp" ? losses.mntp : name == "sscl" ? losses.sscl : losses.msg;
                CHECK(mine == doctest::Approx(value.get<double>()).epsilon(tolerance));
            }
            const lora_set expected = lora_of(file, c["gradients"]);
            for (size_t i = 0; i < expected.matrices.size(); ++i) {
                CAPTURE(expected.matrices[i].target);
                const lora_matrix & mine = matrix_of(gradient.lora, expected.matrices[i].target);
                for (const likeness & l :
                     {compare(mine.a, expected.matrices[i].a), compare(mine.b, expected.matrices[i].b)}) {
                    if (exact) {
                        CHECK(l.error < 1e-3);
                    } else {
                        CHECK(l.cosine >= 0.995);
                    }
                }
            }
        }
    }
}

TEST_CASE("twenty steps of AdamW on all three objectives") {
    for (const setting & s : settings) {
        CAPTURE(s.arch);
        const json    file  = read_golden(std::string("tiny-train-") + s.arch + ".json");
        const auto    e     = engine_of(file, s);
        const bool    exact = s.precision == engine_precision::f32;
        const json &  how   = file["optimizer"];
        train_options o;
        o.optimizer.beta1        = how["beta1"];
        o.optimizer.beta2        = how["beta2"];
        o.optimizer.eps          = how["eps"];
        o.optimizer.weight_decay = how["weight_decay"];
        train_state state;
        state.now = {lora_of(file, file["lora"]), {}};
        state.m = state.v = zeros_like(state.now);
        trained_numbers gradient;
        const json &    batches = file["training"]["batches"];
        const double    close   = exact ? 1e-3 : 0.03;
        for (const json & step : file["training"]["steps"]) {
            const micro_batch batch = batch_of(batches[state.step % batches.size()], o.contrast);
            e->set_lora({&state.now.lora});
            const step_losses losses =
                compute_gradient(*e, {batch}, weights_of(file["weights"]), o, state.now, 0, gradient);
            const auto   tensors = tensors_of(state, gradient);
            const double norm    = gradient_norm(tensors);
            CAPTURE(state.step);
            CHECK(losses.mntp == doctest::Approx(step["mntp"].get<double>()).epsilon(close));
            CHECK(losses.msg == doctest::Approx(step["msg"].get<double>()).epsilon(close));
            CHECK(losses.sscl == doctest::Approx(step["sscl"].get<double>()).epsilon(close));
            CHECK(norm == doctest::Approx(step["gradient_norm"].get<double>()).epsilon(exact ? 1e-3 : 0.1));
            adamw_step(tensors, o.optimizer, how["lr"], std::min(1.0, double(how["clip"]) / norm), ++state.step);
        }
        if (exact) {
            const lora_set expected = lora_of(file, file["training"]["lora"]);
            for (size_t i = 0; i < expected.matrices.size(); ++i) {
                CHECK(compare(state.now.lora.matrices[i].a, expected.matrices[i].a).error < 1e-3);
                CHECK(compare(state.now.lora.matrices[i].b, expected.matrices[i].b).error < 1e-3);
            }
        }
    }
}
