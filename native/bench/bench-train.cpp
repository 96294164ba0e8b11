// Training steps on given batches: the same work as peers/torch_train.py --batches, by the same kind of step (three
// losses, gradients, clipping, AdamW). One line of JSON to standard output, with the fields of the peer's.
//
//     python peers/batches.py --steps 12 > batches.jsonl
//     bench-train model.gguf batches.jsonl
#include "batch_json.h"
#include "engine/fused-engine.h"
#include "train/optimizer.h"
#include "train/step.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <random>

using namespace magnet;

namespace {

double now(clockid_t clock) {
    timespec t;
    clock_gettime(clock, &t);
    return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

// MB of 10^6 bytes, as the peer counts
double peak_mb() {
    rusage use;
    getrusage(RUSAGE_SELF, &use);
    return double(use.ru_maxrss) * 1024.0 / 1e6;
}

// A as PEFT draws it, B zero.
lora_set new_adapter(const engine & e, int32_t rank) {
    std::mt19937 random(1);
    lora_set     set;
    set.rank     = rank;
    set.scale    = 2.0f;
    set.matrices = e.targets();
    for (lora_matrix & m : set.matrices) {
        const float                           bound = 1.0f / std::sqrt(float(m.n_in));
        std::uniform_real_distribution<float> value(-bound, bound);
        m.a.resize(size_t(rank) * m.n_in);
        m.b.resize(size_t(rank) * m.n_out);
        std::generate(m.a.begin(), m.a.end(), [&] { return value(random); });
    }
    return set;
}

} // namespace

int main(int argc, char ** argv) {
    std::string         model, path, precision = "bf16", kind = "fused";
    fused_engine_params params;
    graph_engine_params graph;
    int32_t             rank = 16, warm_up = 2;
    CLI::App            app("Speed of training on given batches. One line of JSON to standard output.");
    app.add_option("model", model, "GGUF file")->required()->check(CLI::ExistingFile);
    app.add_option("batches", path, "JSON Lines by peers/batches.py, one step each")->required()->check(CLI::ExistingFile);
    app.add_option("--kernel", params.kernel, "instruction set, such as avx2; the best one without it");
    app.add_option("--engine", kind)->check(CLI::IsMember({ "fused", "graph" }))->capture_default_str();
    app.add_option("--tokens-per-pass", graph.tokens_per_pass, "of the graph engine")->capture_default_str();
    app.add_option("--gpu-layers", graph.n_gpu_layers, "of the graph engine, -1 = all")->capture_default_str();
    app.add_option("--threads", params.n_threads, "0 = one per core")->capture_default_str();
    app.add_option("--precision", precision)->check(CLI::IsMember({ "bf16", "f32" }))->capture_default_str();
    app.add_option("--rank", rank)->capture_default_str();
    app.add_option("--warm-up", warm_up, "steps before the measured ones")->capture_default_str();
    app.add_flag("--recompute", params.recompute, "keep the input of each block alone for the way back");
    CLI11_PARSE(app, argc, argv);
    params.precision = graph.precision = precision == "f32" ? engine_precision::f32 : engine_precision::bf16;
    graph.n_threads                    = params.n_threads;

    try {
        std::vector<micro_batch> batches;
        train_options            options;
        std::ifstream            lines(path);
        for (std::string line; std::getline(lines, line);) {
            batches.push_back(testing::batch_of(nlohmann::json::parse(line), options.contrast));
        }
        const auto e = kind == "graph" ? make_graph_engine(model, graph) : make_fused_engine(model, params);

        train_state state;
        state.now = { new_adapter(*e, rank), {} };
        state.m = state.v = zeros_like(state.now);
        trained_numbers     gradient;
        const train_stage   weights = { 1, 1, 1, 1 };
        std::vector<double> rates;
        nlohmann::json      first, last;
        double              wall = 0.0, cpu = 0.0;
        int64_t             n_tokens = 0;
        for (const micro_batch & batch : batches) {
            const double      wall_begin = now(CLOCK_MONOTONIC), cpu_begin = now(CLOCK_PROCESS_CPUTIME_ID);
            e->set_lora({ &state.now.lora });
            const step_losses losses  = compute_gradient(*e, { batch }, weights, options, state.now, 0, gradient);
            const auto        tensors = tensors_of(state, gradient);
            const double      clip    = std::min(1.0, 1.0 / gradient_norm(tensors));
            adamw_step(tensors, options.optimizer, 5e-4, clip, ++state.step);
            const double seconds = now(CLOCK_MONOTONIC) - wall_begin;

            last = { { "mntp", losses.mntp }, { "msg", losses.msg }, { "sscl", losses.sscl } };
            if (state.step == 1) {
                first = last;
            }
            if (state.step > warm_up) {
                wall += seconds;
                cpu += now(CLOCK_PROCESS_CPUTIME_ID) - cpu_begin;
                n_tokens += batch.n_tokens();
                rates.push_back(double(batch.n_tokens()) / seconds);
            }
        }
        if (rates.empty()) {
            throw std::runtime_error(path + " holds no more than the " + std::to_string(warm_up) + " steps of warming up");
        }
        std::sort(rates.begin(), rates.end());
        std::cout << nlohmann::json{ { "peer", "magnet" },
                                     { "engine", e->describe() },
                                     { "rank", rank },
                                     { "steps", rates.size() },
                                     { "tokens_per_step", n_tokens / int64_t(rates.size()) },
                                     { "tokens_per_s", double(n_tokens) / wall },
                                     { "tokens_per_s_median", rates[rates.size() / 2] },
                                     { "tokens_per_s_best", rates.back() },
                                     { "tokens_per_cpu_s", double(n_tokens) / cpu },
                                     { "peak_rss_mb", peak_mb() },
                                     { "first_losses", first },
                                     { "last_losses", last } }
                  << "\n";
    } catch (const std::exception & e) {
        std::cerr << "bench-train: " << e.what() << "\n";
        return 1;
    }
    return 0;
}
