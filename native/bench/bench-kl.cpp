// How far next-token distributions are from those of the same weights in F32 (Kullback-Leibler divergence, nats),
// beside how far stock llama.cpp's are with the same file: of tokens decoded one by one, and after prompts of several
// lengths. Two lines of JSON.
//
//     dequantize model.gguf f32.gguf && bench-kl model.gguf f32.gguf text.txt
#include "engine/engine.h"
#include "session.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

using magnet::bench::make_llama_side;

namespace {

struct options {
    std::string model, reference, text;
    int32_t     threads   = (int32_t)std::max(1u, std::thread::hardware_concurrency());
    int32_t     n_decoded = 960;
    int32_t     n_prompts = 32;
};

struct piece {
    std::vector<int32_t> tokens;
    int32_t              n_first;
};

// As the peer's: logits after the first tokens, in one pass, and after each further one.
std::vector<float> own_logits(magnet::engine & e, const piece & p) {
    const auto         n_vocab = (size_t)e.shape().n_vocab;
    const auto         n       = (int32_t)p.tokens.size();
    const auto         cache   = e.make_cache(false);
    std::vector<float> out;
    for (int32_t end = p.n_first, from = 0; end <= n; from = end++) {
        std::vector<int32_t> pos;
        for (int32_t i = from; i < end; ++i) {
            pos.push_back(i);
        }
        out.resize(out.size() + n_vocab);
        magnet::cached_row r;
        r.row    = {p.tokens.data() + from, pos.data(), nullptr, end - from};
        r.cache  = cache.get();
        r.output = end - from - 1;
        r.logits = out.data() + out.size() - n_vocab;
        e.extend({r});
    }
    return out;
}

std::vector<double> log_softmax(const float * logits, size_t n) {
    const double top = *std::max_element(logits, logits + n);
    double       sum = 0.0;
    for (size_t i = 0; i < n; ++i) {
        sum += std::exp(logits[i] - top);
    }
    std::vector<double> out(logits, logits + n);
    for (double & v : out) {
        v -= top + std::log(sum);
    }
    return out;
}

// Of each row of logits, added to sum.
void add_divergences(const std::vector<float> & reference, const std::vector<float> & of, size_t n_vocab,
                     std::vector<double> & sum) {
    for (size_t i = 0; i < reference.size(); i += n_vocab) {
        const auto p = log_softmax(reference.data() + i, n_vocab), q = log_softmax(of.data() + i, n_vocab);
        double     kl = 0.0;
        for (size_t t = 0; t < n_vocab; ++t) {
            kl += std::exp(p[t]) * (p[t] - q[t]);
        }
        sum.push_back(kl);
    }
}

double mean(const std::vector<double> & values) {
    double sum = 0.0;
    for (const double v : values) {
        sum += v;
    }
    return sum / (double)values.size();
}

std::vector<int32_t> tokens_of(const options & o) {
    std::ifstream      file(o.text);
    std::ostringstream all;
    all << file.rdbuf();
    std::string text = all.str().substr(0, (size_t)16 * (size_t)(o.n_decoded + 160 * o.n_prompts));
    while (!text.empty() && (text.back() & 0x80) != 0) {
        text.pop_back(); // a character that is cut
    }
    const magnet::bench::model vocabulary(o.model);
    std::vector<int32_t>       tokens = vocabulary.tokenize(text);
    if ((int32_t)tokens.size() < 64 + o.n_decoded + 160 * o.n_prompts) {
        throw std::runtime_error(o.text + " is too short: " + std::to_string(tokens.size()) + " tokens");
    }
    return tokens;
}

void run(const options & o) {
    const std::vector<int32_t> tokens = tokens_of(o);
    std::vector<piece>         decoded{{{tokens.begin(), tokens.begin() + 64 + o.n_decoded - 1}, 64}}, prompts;
    for (int32_t i = 0, from = 64 + o.n_decoded; i < o.n_prompts; ++i) {
        const int32_t n = 64 + i * 160 / o.n_prompts;
        prompts.push_back({{tokens.begin() + from, tokens.begin() + from + n}, n});
        from += n;
    }
    const std::string program   = MAGNET_STOCK_BIN "/bench-llama";
    const auto        reference = make_llama_side("llama.cpp with F32 weights", program, o.reference, o.threads, 2048);
    const auto        peer      = make_llama_side("llama.cpp", program, o.model, o.threads, 2048);
    magnet::fused_engine_params params;
    params.n_threads = o.threads;
    const auto own   = magnet::make_fused_engine(o.model, params);
    for (const auto * pieces : {&decoded, &prompts}) {
        std::vector<double> ours, theirs;
        for (const piece & p : *pieces) {
            const auto expected = reference->logits(p.tokens, p.n_first);
            add_divergences(expected, own_logits(*own, p), (size_t)own->shape().n_vocab, ours);
            add_divergences(expected, peer->logits(p.tokens, p.n_first), (size_t)own->shape().n_vocab, theirs);
        }
        std::cout << nlohmann::json{{"curve", "kl"},
                                    {"what", pieces == &decoded ? "decoded" : "prompts"},
                                    {"positions", ours.size()},
                                    {"side", mean(ours)},
                                    {"peer", mean(theirs)}}
                  << std::endl;
    }
}

} // namespace

int main(int argc, char ** argv) {
    options  o;
    CLI::App app("Divergence of next-token distributions from F32 weights, beside stock llama.cpp's. Lines of JSON.");
    app.add_option("model", o.model, "GGUF file with quantised weights")->required()->check(CLI::ExistingFile);
    app.add_option("reference", o.reference, "the same in F32 (dequantize)")->required()->check(CLI::ExistingFile);
    app.add_option("text", o.text, "prose, UTF-8")->required()->check(CLI::ExistingFile);
    app.add_option("--threads", o.threads, "of every side")->check(CLI::Range(1, 512))->capture_default_str();
    app.add_option("--decoded", o.n_decoded, "tokens")->check(CLI::Range(1, 8000))->capture_default_str();
    app.add_option("--prompts", o.n_prompts, "their number")->check(CLI::Range(1, 10000))->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        run(o);
    } catch (const std::exception & e) {
        std::cerr << "bench-kl: " << e.what() << "\n";
        return 1;
    }
    return 0;
}
