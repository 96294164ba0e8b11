// What one way of keeping weights and cache takes and gives, in a process of its own: peak memory after the first
// vectors and after a long context, and the speed of embedding, of a prompt and of decoding. One line of JSON.
//
//     bench-memory model.gguf --weights stored --cache-type q8_0 --context 4096
#include "material.h"
#include "session.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <iostream>

#include <sys/resource.h>

using namespace magnet::bench;

namespace {

struct options {
    std::string model;
    int32_t     weights    = MAGNET_WEIGHTS_AUTO;
    int32_t     cache_type = MAGNET_CACHE_F16;
    int32_t     n_context  = 4096;
    int32_t     n_texts    = 64;
    int32_t     n_decoded  = 16;
};

double peak_mb() {
    rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)use.ru_maxrss / 1024.0; // as bench-train counts it
}

// Tokens/s of the second of two calls: the first one reads the weights.
double embed(session & s, const std::vector<std::string> & list, double & first_peak) {
    std::vector<magnet_text> texts;
    for (const std::string & text : list) {
        texts.push_back(view(text));
    }
    std::vector<float>   out(texts.size() * (size_t)s.info().n_embd);
    std::vector<int32_t> n_tokens(texts.size());
    double               rate = 0.0;
    for (int32_t i = 0; i < 2; ++i) {
        const stopwatch watch;
        check(magnet_embed(s.get(), texts.data(), (int32_t)texts.size(), nullptr, out.data(), (int64_t)out.size(),
                           n_tokens.data()));
        double total = 0.0;
        for (const int32_t n : n_tokens) {
            total += n;
        }
        rate       = total / watch.elapsed().wall;
        first_peak = i == 0 ? peak_mb() : first_peak;
    }
    return rate;
}

void run(const options & o) {
    magnet_model_params how      = magnet_model_default_params();
    how.weights                  = o.weights;
    const auto            shared = std::make_shared<const model>(o.model, how);
    magnet_session_params params = magnet_session_default_params();
    params.cache_type            = o.cache_type;
    session      s(shared, params);
    const double loaded = peak_mb();
    double       first  = 0.0;
    const double rate   = embed(s, sentences(o.n_texts), first);

    std::string text;
    for (const std::string & sentence : sentences(o.n_context / 4)) {
        text += sentence + " ";
    }
    std::vector<int32_t> tokens = shared->tokenize(text);
    tokens.resize((size_t)std::min<int64_t>((int64_t)tokens.size(), o.n_context));
    const generated g = s.generate(shared->detokenize(tokens), o.n_decoded);
    std::cout << nlohmann::json{{"curve", "memory"},
                                {"context", tokens.size()},
                                {"file_mb", (double)shared->info().n_bytes / 1048576.0},
                                {"loaded_mb", loaded},
                                {"embedded_mb", first},
                                {"peak_mb", peak_mb()},
                                {"embed_rate", rate},
                                {"prompt_rate", (double)tokens.size() / g.prompt.wall},
                                {"token_s", g.decode.wall / (o.n_decoded - 1)}}
              << std::endl;
}

} // namespace

int main(int argc, char ** argv) {
    options                              o;
    const std::map<std::string, int32_t> weights{
        {"auto", MAGNET_WEIGHTS_AUTO}, {"copied", MAGNET_WEIGHTS_COPIED}, {"stored", MAGNET_WEIGHTS_STORED}};
    const std::map<std::string, int32_t> types{{"f16", MAGNET_CACHE_F16}, {"q8_0", MAGNET_CACHE_Q8_0}};
    CLI::App app("What a way of keeping weights and cache takes and gives. One line of JSON.");
    app.add_option("model", o.model, "GGUF file")->required()->check(CLI::ExistingFile);
    app.add_option("--weights", o.weights, "auto, copied or stored")->transform(CLI::CheckedTransformer(weights));
    app.add_option("--cache-type", o.cache_type, "f16 or q8_0")->transform(CLI::CheckedTransformer(types));
    app.add_option("--context", o.n_context, "tokens of the prompt")->check(CLI::Range(8, 1 << 20));
    app.add_option("--texts", o.n_texts, "sentences to embed")->check(CLI::Range(1, 100000))->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        run(o);
    } catch (const std::exception & e) {
        std::cerr << "bench-memory: " << e.what() << "\n";
        return 1;
    }
    return 0;
}
