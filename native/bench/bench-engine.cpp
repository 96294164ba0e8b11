// Speed of the fused engine: forward on short sentences, rows of 128 and 512 tokens; one LoRA training step. JSON lines
// to stdout.
//
//     bench-engine model.gguf --kernel avx2
#include "engine/engine.h"
#include "engine/fused/fused-engine.h"
#include "engine/fused/kernel-choice.h"
#include "timed-kernels.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <random>
#include <string>
#include <sys/resource.h>
#include <time.h>
#include <vector>

using namespace magnet;

namespace {

struct options {
    std::string         model, precision = "bf16";
    fused_engine_params engine;
    int32_t             rank   = 16;
    int32_t             repeat = 5;
    std::string         only;
    bool                breakdown = false; // processor time by kernel and shape
};

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double peak_mib() {
    rusage use;
    getrusage(RUSAGE_SELF, &use);
    return use.ru_maxrss / 1024.0;
}

// Random tokens; rows of one length, or of lengths around it.
struct batch {
    std::vector<std::vector<int32_t>> tokens;
    std::vector<engine_row>           rows;
    int64_t                           n_tokens = 0;

    batch(int32_t n_rows, int32_t length, int32_t spread, int32_t n_vocab) {
        std::mt19937 random(1);
        for (int32_t i = 0; i < n_rows; ++i) {
            const int32_t n = length - spread + (spread > 0 ? int32_t(random() % uint32_t(2 * spread + 1)) : 0);
            tokens.emplace_back(n);
            for (int32_t & t : tokens.back()) {
                t = int32_t(random() % uint32_t(n_vocab));
            }
            n_tokens += n;
        }
        for (const auto & t : tokens) {
            rows.push_back({ t.data(), nullptr, nullptr, int32_t(t.size()) });
        }
    }
};

double cpu_now() {
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

struct seconds {
    double wall;
    double cpu; // of all threads; what remains comparable on a machine that others use, too
};

// Best of several, after one run to warm up.
seconds best_of(int32_t repeat, const std::function<void()> & run) {
    run();
    seconds best = { 1e30, 1e30 };
    for (int32_t i = 0; i < repeat; ++i) {
        const double wall = now();
        const double cpu  = cpu_now();
        run();
        best.wall = std::min(best.wall, now() - wall);
        best.cpu  = std::min(best.cpu, cpu_now() - cpu);
    }
    return best;
}

} // namespace

int main(int argc, char ** argv) {
    options  o;
    CLI::App app("Speed of the fused engine. JSON lines to standard output.");
    app.add_option("model", o.model, "GGUF file")->required();
    app.add_option("--kernel", o.engine.kernel, "instruction set, such as avx2; the best one without it");
    app.add_option("--threads", o.engine.n_threads, "0 = one per core")->capture_default_str();
    app.add_option("--precision", o.precision)->check(CLI::IsMember({ "bf16", "f32" }))->capture_default_str();
    app.add_option("--rank", o.rank, "of the adapter that is trained")->capture_default_str();
    app.add_option("--repeat", o.repeat, "the best of so many")->capture_default_str();
    app.add_option("--only", o.only, "name of one benchmark");
    app.add_flag("--no-copies{false}", o.engine.copies, "unpack quantised weights as they are read; nothing is trained then");
    app.add_flag("--recompute", o.engine.recompute, "keep the input of each block alone for the way back");
    app.add_flag("--breakdown", o.breakdown, "processor time by kernel and shape");
    CLI11_PARSE(app, argc, argv);
    if (o.precision == "f32") {
        o.engine.precision = engine_precision::f32;
    }
    const double  begin = now();
    const auto &  plain = fused::choose_kernels(o.engine.kernel);
    const auto    e     = make_fused_engine(
        fused::load_weights(o.model, o.engine, o.breakdown ? bench::timed_kernels::around(plain) : plain), o.engine);
    const auto    load  = now() - begin;

    // Multiply-adds of a token in the matrices of the blocks.
    double macs = 0.0;
    for (const lora_matrix & m : e->targets()) {
        macs += double(m.n_in) * m.n_out;
    }
    std::cout << nlohmann::json{ { "bench", "load" }, { "s", load }, { "engine", e->describe() } }.dump() << std::endl;

    const auto report = [&](const std::string & name, int64_t n_tokens, seconds s, double flops_per_token) {
        std::cout << nlohmann::json{ { "bench", name },
                                     { "engine", e->describe() },
                                     { "tokens", n_tokens },
                                     { "s", s.wall },
                                     { "cpu_s", s.cpu },
                                     { "tokens_per_s", n_tokens / s.wall },
                                     { "tokens_per_cpu_s", n_tokens / s.cpu },
                                     { "gflops", n_tokens * flops_per_token / s.wall * 1e-9 },
                                     { "gflops_per_cpu", n_tokens * flops_per_token / s.cpu * 1e-9 },
                                     { "peak_mib", peak_mib() } }
                         .dump()
                  << std::endl;
        for (const auto & [label, t] : bench::timed_kernels::spent()) {
            std::cout << nlohmann::json{ { "bench", name },
                                         { "kernel", label },
                                         { "cpu_s", t.cpu_s / (o.repeat + 1) },
                                         { "gflops_per_cpu", t.flops / t.cpu_s * 1e-9 },
                                         { "calls", t.n_calls / (o.repeat + 1) } }
                             .dump()
                      << std::endl;
        }
        bench::timed_kernels::spent().clear();
    };
    const auto wanted = [&](const std::string & name) { return o.only.empty() || o.only == name; };

    struct forward_case {
        const char * name;
        int32_t      n_rows, length, spread;
    };
    for (const forward_case & c : { forward_case{ "forward short", 128, 14, 8 }, forward_case{ "forward one short", 1, 14, 0 },
                                    forward_case{ "forward 128", 16, 128, 0 }, forward_case{ "forward 512", 4, 512, 0 },
                                    forward_case{ "forward one 2048", 1, 2048, 0 } }) {
        if (wanted(c.name)) {
            const batch  b(c.n_rows, c.length, c.spread, e->shape().n_vocab);
            const seconds s = best_of(o.repeat, [&] { e->forward_each(b.rows, [](int32_t, const float *) {}); });
            report(c.name, b.n_tokens, s, 2.0 * macs);
        }
    }

    if (wanted("train") && o.engine.copies) {
        lora_set     set;
        std::mt19937 random(2);
        set.rank     = o.rank;
        set.scale    = 2.0f;
        set.matrices = e->targets();
        for (lora_matrix & m : set.matrices) {
            std::uniform_real_distribution<float> value(-0.01f, 0.01f);
            m.a.resize(size_t(o.rank) * m.n_in);
            m.b.resize(size_t(o.rank) * m.n_out);
            for (float & v : m.a) {
                v = value(random);
            }
            for (float & v : m.b) {
                v = value(random);
            }
        }
        lora_set     grad = set;
        const batch  b(8, 128, 0, e->shape().n_vocab);
        const auto   loss = [&](int32_t row, const float * hidden, float * d_hidden) {
            int32_t index[32], target[32];
            float   weight[32], nll[32];
            for (int32_t i = 0; i < 32; ++i) {
                index[i]  = i * 4;
                target[i] = b.tokens[row][i * 4 + 1];
                weight[i] = 1.0f;
            }
            e->cross_entropy(hidden, index, target, weight, 32, nll, d_hidden);
        };
        const seconds s = best_of(o.repeat, [&] {
            e->set_lora({ &set });
            e->train(b.rows, loss, {}, grad);
        });
        report("train", b.n_tokens, s, 4.0 * macs);
        const seconds p = best_of(o.repeat, [&] { e->set_lora({ &set }); });
        std::cout << nlohmann::json{ { "bench", "set_lora" }, { "s", p.wall }, { "cpu_s", p.cpu } }.dump() << std::endl;
    }
    return 0;
}
