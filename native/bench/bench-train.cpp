// Training steps on given batches: the same work as peers/torch_train.py --batches, by the same kind of step (three
// losses, gradients, clipping, AdamW). One line of JSON to standard output, with the fields of the peer's.
//
//     python peers/batches.py model.gguf --steps 12 > batches.jsonl
//     bench-train model.gguf batches.jsonl
#include "batch_json.h"
#include "engine/fused/fused-engine.h"
#include "train/optimizer.h"
#include "train/step.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>

using namespace magnet;
using namespace magnet::train;

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

struct options {
    std::string         model, batches, precision = "bf16", engine = "fused";
    fused_engine_params fused;
    graph_engine_params graph;
    int32_t             rank    = 16;
    int32_t             warm_up = 2;
};

struct steps {
    std::vector<double> rates; // tokens/s of the measured ones; then their sums
    double              wall     = 0.0;
    double              cpu      = 0.0;
    int64_t             n_tokens = 0;
    nlohmann::json      first, last; // losses, warm-up and all
};

// Number i of a fresh A, in +-bound as PEFT draws it: first_a of peers/torch_train.py, to the bit, so that the losses
// of the two can be compared after several steps too.
float first_a(uint32_t i, double bound) {
    i = (i ^ (i >> 16)) * 0x85ebca6bu; // the finaliser of MurmurHash3
    i = (i ^ (i >> 13)) * 0xc2b2ae35u;
    i ^= i >> 16;
    return float((i * 0x1p-31 - 1.0) * bound);
}

// B is zero.
lora_set new_adapter(const engine & e, int32_t rank) {
    lora_set set;
    set.rank     = rank;
    set.scale    = 2.0f;
    set.matrices = e.targets();
    for (lora_matrix & m : set.matrices) {
        const double bound = 1.0 / std::sqrt(double(m.n_in));
        m.a.resize(size_t(rank) * m.n_in);
        m.b.resize(size_t(rank) * m.n_out);
        for (size_t i = 0; i < m.a.size(); ++i) {
            m.a[i] = first_a(uint32_t(i), bound);
        }
    }
    return set;
}

std::vector<micro_batch> read_batches(const std::string & path, pair_options & how) {
    std::vector<micro_batch> batches;
    std::ifstream            lines(path);
    for (std::string line; std::getline(lines, line);) {
        batches.push_back(testing::batch_of(nlohmann::json::parse(line), how));
    }
    return batches;
}

steps train(engine & e, const options & o) {
    train_options                  settings;
    const std::vector<micro_batch> batches = read_batches(o.batches, settings.contrast);

    train_state state;
    state.now = { new_adapter(e, o.rank), {} };
    state.m = state.v = zeros_like(state.now);
    trained_numbers   gradient;
    const train_stage weights = { 1, 1, 1, 1 };
    steps             done;
    for (const micro_batch & batch : batches) {
        const double wall_begin = now(CLOCK_MONOTONIC), cpu_begin = now(CLOCK_PROCESS_CPUTIME_ID);
        e.set_lora({ &state.now.lora });
        const step_losses losses  = compute_gradient(e, { batch }, weights, settings, state.now, 0, gradient);
        const auto        tensors = tensors_of(state, gradient);
        const double      clip    = std::min(1.0, 1.0 / gradient_norm(tensors));
        adamw_step(tensors, settings.optimizer, 5e-4, clip, ++state.step);
        const double seconds = now(CLOCK_MONOTONIC) - wall_begin;

        done.last = { { "mntp", losses.mntp }, { "msg", losses.msg }, { "sscl", losses.sscl } };
        if (state.step == 1) {
            done.first = done.last;
        }
        if (state.step > o.warm_up) {
            done.wall += seconds;
            done.cpu += now(CLOCK_PROCESS_CPUTIME_ID) - cpu_begin;
            done.n_tokens += batch.n_tokens();
            done.rates.push_back(double(batch.n_tokens()) / seconds);
        }
    }
    if (done.rates.empty()) {
        throw std::runtime_error(o.batches + " holds no more than the " + std::to_string(o.warm_up) +
                                 " steps of warming up");
    }
    std::sort(done.rates.begin(), done.rates.end());
    return done;
}

void run(const options & o) {
    const auto  e    = o.engine == "graph" ? make_graph_engine(o.model, o.graph) : make_fused_engine(o.model, o.fused);
    const steps done = train(*e, o);
    std::cout << nlohmann::json{ { "peer", "magnet" },
                                 { "engine", e->describe() },
                                 { "rank", o.rank },
                                 { "steps", done.rates.size() },
                                 { "tokens_per_step", done.n_tokens / int64_t(done.rates.size()) },
                                 { "tokens_per_s", double(done.n_tokens) / done.wall },
                                 { "tokens_per_s_median", done.rates[done.rates.size() / 2] },
                                 { "tokens_per_s_best", done.rates.back() },
                                 { "tokens_per_cpu_s", double(done.n_tokens) / done.cpu },
                                 { "peak_rss_mb", peak_mb() },
                                 { "first_losses", done.first },
                                 { "last_losses", done.last } }
              << "\n";
}

} // namespace

int main(int argc, char ** argv) {
    options  o;
    CLI::App app("Speed of training on given batches. One line of JSON to standard output.");
    app.add_option("model", o.model, "GGUF file")->required()->check(CLI::ExistingFile);
    app.add_option("batches", o.batches, "JSON Lines by peers/batches.py, one step each")
        ->required()
        ->check(CLI::ExistingFile);
    app.add_option("--kernel", o.fused.kernel, "instruction set, such as avx2; the best one without it");
    app.add_option("--engine", o.engine)->check(CLI::IsMember({ "fused", "graph" }))->capture_default_str();
    app.add_option("--tokens-per-pass", o.graph.tokens_per_pass, "of the graph engine, 0 = its default")
        ->capture_default_str();
    app.add_option("--gpu-layers", o.graph.n_gpu_layers, "of the graph engine, -1 = all")->capture_default_str();
    app.add_option("--threads", o.fused.n_threads, "0 = one per core")->capture_default_str();
    app.add_option("--precision", o.precision)->check(CLI::IsMember({ "bf16", "f32" }))->capture_default_str();
    app.add_option("--rank", o.rank)->capture_default_str();
    app.add_option("--warm-up", o.warm_up, "steps before the measured ones")->capture_default_str();
    app.add_flag("--recompute", o.fused.recompute, "keep the input of each block alone for the way back");
    CLI11_PARSE(app, argc, argv);
    o.fused.precision = o.graph.precision = o.precision == "f32" ? engine_precision::f32 : engine_precision::bf16;
    o.graph.n_threads                     = o.fused.n_threads;
    try {
        run(o);
    } catch (const std::exception & e) {
        std::cerr << "bench-train: " << e.what() << "\n";
        return 1;
    }
    return 0;
}
