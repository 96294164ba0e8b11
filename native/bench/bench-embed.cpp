// The work of peers/torch_embed.py by libmagnet: the same texts, one vector each. One line of JSON a run, with the
// fields of the peer's; with --serve a run for every line on stdin, so that two sides can take turns.
//
//     bench-embed model.gguf sentences.txt --attention bidirectional --pooling mean
#include "material.h"
#include "session.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iostream>
#include <map>
#include <numeric>

using namespace magnet::bench;

namespace {

struct options {
    std::string model, texts, out;
    int32_t     attention = MAGNET_ATTENTION_BIDIRECTIONAL;
    int32_t     pooling   = MAGNET_POOLING_MEAN;
    int32_t     limit     = 0;
    int32_t     threads   = -1;
    int32_t     gpu_layers = 0;
    int32_t     make      = 0;
    bool        serve     = false;
};

std::vector<std::string> read_lines(const options & o) {
    std::vector<std::string> lines;
    std::ifstream            file(o.texts);
    for (std::string line; std::getline(file, line) && (o.limit == 0 || (int32_t)lines.size() < o.limit);) {
        lines.push_back(line);
    }
    if (lines.empty()) {
        throw std::runtime_error(o.texts + " holds no sentences");
    }
    return lines;
}

void write_lines(const options & o) {
    std::ofstream file(o.texts);
    for (const std::string & line : sentences(o.make)) {
        file << line << "\n";
    }
}

void run(const options & o) {
    const auto lines = read_lines(o);
    session    with(std::make_shared<model>(o.model, o.gpu_layers), o.threads);

    magnet_embed_params params = magnet_embed_default_params();
    params.attention           = o.attention;
    params.pooling             = o.pooling;
    params.instruction         = "";
    std::vector<magnet_text> texts;
    for (const std::string & line : lines) {
        texts.push_back({line.data(), (int32_t)line.size()});
    }
    std::vector<int32_t> n_tokens(texts.size());
    std::vector<float>   vectors(texts.size() * (size_t)with.info().n_embd);
    const auto           embed = [&](int32_t n) {
        check(magnet_embed(with.get(), texts.data(), n, &params, vectors.data(), (int64_t)vectors.size(),
                                     n_tokens.data()));
    };

    embed(std::min<int32_t>(64, (int32_t)texts.size())); // warm-up
    std::string line;
    while (!o.serve || std::getline(std::cin, line)) {
        const stopwatch watch;
        embed((int32_t)texts.size());
        const timing  time   = watch.elapsed();
        const int64_t tokens = std::accumulate(n_tokens.begin(), n_tokens.end(), int64_t(0));
        if (!o.out.empty()) {
            std::ofstream(o.out, std::ios::binary)
                .write(reinterpret_cast<const char *>(vectors.data()),
                       (std::streamsize)(vectors.size() * sizeof(float)));
        }
        std::cout << nlohmann::json{{"peer", "magnet"},
                                    {"sentences", texts.size()},
                                    {"tokens", tokens},
                                    {"seconds", time.wall},
                                    {"cpu_seconds", time.cpu}}
                  << std::endl;
        if (!o.serve) {
            return;
        }
    }
}

} // namespace

int main(int argc, char ** argv) {
    options  o;
    CLI::App app("Speed of embedding on given texts. One line of JSON a run.");
    app.add_option("model", o.model, "GGUF file")->required()->check(CLI::ExistingFile);
    app.add_option("texts", o.texts, "a sentence a line")->required();
    app.add_option("--make", o.make, "write so many made-up sentences there, and do nothing else");
    app.add_option("--attention", o.attention)
        ->transform(CLI::CheckedTransformer(std::map<std::string, int32_t>{
            {"bidirectional", MAGNET_ATTENTION_BIDIRECTIONAL}, {"causal", MAGNET_ATTENTION_CAUSAL}}));
    app.add_option("--pooling", o.pooling)
        ->transform(CLI::CheckedTransformer(
            std::map<std::string, int32_t>{{"last", MAGNET_POOLING_LAST}, {"mean", MAGNET_POOLING_MEAN}}));
    app.add_option("--limit", o.limit, "use the first so many sentences; 0 = all");
    app.add_option("--threads", o.threads, "-1 = physical cores");
    app.add_option("--gpu-layers", o.gpu_layers, "-1 = all")->capture_default_str();
    app.add_option("--out", o.out, "write the vectors, [sentences, D] float32 without a header");
    app.add_flag("--serve", o.serve, "a run for every line on standard input");
    CLI11_PARSE(app, argc, argv);
    try {
        o.make > 0 ? write_lines(o) : run(o);
    } catch (const std::exception & e) {
        std::cerr << "bench-embed: " << e.what() << "\n";
        return 1;
    }
    return 0;
}
