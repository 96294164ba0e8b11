// What the attention mask of one layer stack costs to build, by number of keys: the mask of the patched llama.cpp, for
// a batch of 512 tokens and for one token, and the row bounds of the fused engine, which makes no mask. A line of JSON
// a point: seconds of each run, for one token. No model is needed.
//
//     bench-mask --keys 512,2048,8192
#include "engine/fused/visibility.h"
#include "llama/magnet-hooks.h"
#include "stopwatch.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>

using namespace magnet;
using namespace magnet::bench;

namespace {

struct options {
    std::vector<int32_t> keys    = {512, 2048, 8192};
    int32_t              repeat  = 5;
    double               seconds = 0.1;
};

// Roles of a template whose middle eighth is a gap.
std::vector<int8_t> roles_of(int32_t n, int8_t context) {
    std::vector<int8_t> roles(n, context);
    std::fill_n(roles.begin() + n / 2, n / 8, (int8_t)MAGNET_MASK_SPAN);
    return roles;
}

// Seconds of one call, repeated until it takes long enough to be measured.
template <typename Body>
std::vector<double> measure(const options & o, const Body & body) {
    const stopwatch warm_up;
    body();
    const auto          calls = (int64_t)(o.seconds / std::max(warm_up.elapsed().wall, 1e-7)) + 1;
    std::vector<double> runs;
    for (int32_t r = 0; r < o.repeat; ++r) {
        const stopwatch watch;
        for (int64_t i = 0; i < calls; ++i) {
            body();
        }
        runs.push_back(watch.elapsed().wall / (double)calls);
    }
    return runs;
}

void print(const char * what, const char * context, int32_t n_keys, int32_t n_tokens, std::vector<double> seconds) {
    for (double & s : seconds) {
        s /= n_tokens;
    }
    std::cout << nlohmann::json{{"curve", "mask"}, {"what", what},       {"context", context},
                                {"keys", n_keys},  {"tokens", n_tokens}, {"s", seconds}}
              << std::endl;
}

// The last n_tokens of n_keys cached tokens are the batch.
void llama_mask(const options & o, const char * name, int8_t context, int32_t n_keys, int32_t n_tokens) {
    std::vector<int8_t>         roles = roles_of(n_keys, context);
    std::vector<llama_pos>      pos(n_keys);
    llama_seq_id                seq = 0;
    std::vector<llama_seq_id *> seqs(n_tokens, &seq);
    for (int32_t i = 0; i < n_keys; ++i) {
        pos[i] = i;
    }
    llama_ubatch batch = {};
    batch.n_tokens     = (uint32_t)n_tokens;
    batch.pos          = pos.data() + n_keys - n_tokens;
    batch.role         = roles.data() + n_keys - n_tokens;
    batch.seq_id       = seqs.data();

    const llama_hparams hparams = {};
    std::vector<float>  mask((size_t)n_tokens * n_keys);
    print("llama.cpp", name, n_keys, n_tokens, measure(o, [&] {
              magnet_fill_mask(
                  batch, 0, batch.n_tokens, n_keys, hparams, 0, LLAMA_SWA_TYPE_NONE, 0.0f, -INFINITY,
                  +[](float x) { return x; },
                  [&](int64_t j, llama_seq_id, llama_pos & p, int8_t & r) {
                      p = pos[j];
                      r = roles[j];
                      return true;
                  },
                  mask.data());
          }));
}

void engine_bounds(const options & o, const char * name, int8_t context, int32_t n_keys) {
    const std::vector<int8_t>  roles = roles_of(n_keys, context);
    const std::vector<int32_t> tokens(n_keys);
    const engine_row           row = {tokens.data(), nullptr, roles.data(), n_keys};
    print("fused engine", name, n_keys, n_keys, measure(o, [&] { fused::row_visibility bounds(row); }));
}

} // namespace

int main(int argc, char ** argv) {
    options  o;
    CLI::App app("What the attention mask costs to build. A line of JSON a point.");
    app.add_option("--keys", o.keys)->delimiter(',')->check(CLI::Range(64, 1 << 20));
    app.add_option("--repeat", o.repeat, "runs of a point")->check(CLI::Range(1, 1000))->capture_default_str();
    app.add_option("--seconds", o.seconds, "of a run, at least")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    for (const int32_t n : o.keys) {
        for (const auto & [name, role] :
             {std::pair<const char *, int8_t>{"hybrid", MAGNET_MASK_CONTEXT}, {"ordered", MAGNET_MASK_ORDERED}}) {
            llama_mask(o, name, role, n, std::min(n, 512));
            llama_mask(o, name, role, n, 1);
            engine_bounds(o, name, role, n);
        }
    }
    return 0;
}
