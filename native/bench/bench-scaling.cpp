// How speed changes with size: embedding with the length of texts and their number a call, infilling with the length of
// its context and the number of gaps. A line of JSON a point, several runs each.
//
//     bench-scaling model.gguf --only infill --contexts 512,2048,8192
//
// Every line has "s", the seconds of each run, and "cpu_s", their processor time. Lines of infilling have those of the
// gaps' first token ("first_s") and of all further ones ("further_s"), beside those of causal generation after a prompt
// of the same length ("prompt_s", "decode_s").
#include "material.h"
#include "session.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <numeric>

using namespace magnet::bench;
using nlohmann::json;

namespace {

struct options {
    std::string          model, only;
    int32_t              threads  = -1;
    int32_t              gpu_layers = 0;
    int32_t              repeat   = 3;
    double               seconds  = 0.3;
    int32_t              n_gap    = 16;
    std::vector<int32_t> lengths  = {8, 16, 32, 64, 128, 256, 512};
    std::vector<int32_t> batches  = {1, 8, 64};
    std::vector<int32_t> contexts = {512, 1024, 2048, 4096, 8192};
    std::vector<int32_t> gaps     = {2, 4, 8, 16};
    int32_t              gaps_in  = 1024; // tokens of the context of several gaps
};

// Texts with a given number of tokens, cut out of one long text.
class source {
public:
    source(const model & with, int32_t n_tokens) : with_(with) {
        std::string text;
        for (int n = 500; (int32_t)tokens_.size() < n_tokens; n *= 2) {
            text.clear();
            for (const std::string & sentence : sentences(n)) {
                text += sentence + " ";
            }
            tokens_ = with.tokenize(text);
        }
    }

    // Tokens [begin, begin + n), and on from the start where the text ends.
    std::string cut(size_t begin, int32_t n) const {
        begin %= tokens_.size() - n;
        return with_.detokenize({tokens_.begin() + (ptrdiff_t)begin, tokens_.begin() + (ptrdiff_t)begin + n});
    }

private:
    const model &        with_;
    std::vector<int32_t> tokens_;
};

json column(const std::vector<timing> & runs, double timing::*clock) {
    json out = json::array();
    for (const timing & t : runs) {
        out.push_back(t.*clock);
    }
    return out;
}

void embedding(session & with, const source & texts, const options & o) {
    magnet_embed_params params = magnet_embed_default_params();
    params.instruction         = "";
    for (const int32_t length : o.lengths) {
        for (const int32_t n : o.batches) {
            std::vector<std::string> list;
            for (int32_t i = 0; i < n; ++i) {
                list.push_back(texts.cut((size_t)i * 97, std::max(1, length - 1))); // and the end-of-sequence token
            }
            std::vector<magnet_text> views;
            for (const std::string & text : list) {
                views.push_back(view(text));
            }
            std::vector<float>   out((size_t)n * with.info().n_embd);
            std::vector<int32_t> n_tokens(n);
            const auto           embed = [&] {
                check(magnet_embed(with.get(), views.data(), n, &params, out.data(), (int64_t)out.size(),
                                             n_tokens.data()));
            };
            const stopwatch warm_up;
            embed();
            const int32_t calls = std::max(1, (int32_t)(o.seconds / warm_up.elapsed().wall));

            std::vector<timing> runs;
            for (int32_t r = 0; r < o.repeat; ++r) {
                const stopwatch watch;
                for (int32_t i = 0; i < calls; ++i) {
                    embed();
                }
                const timing t = watch.elapsed();
                runs.push_back({t.wall / calls, t.cpu / calls});
            }
            std::cout << json{{"curve", "embed"},
                              {"length", length},
                              {"texts", n},
                              {"tokens", std::accumulate(n_tokens.begin(), n_tokens.end(), 0)},
                              {"s", column(runs, &timing::wall)},
                              {"cpu_s", column(runs, &timing::cpu)}}
                      << std::endl;
        }
    }
}

// A template whose gaps divide a context of so many tokens, gaps not counted, evenly.
struct form {
    std::vector<std::string> texts;
    std::vector<magnet_part> parts;

    form(const source & from, int32_t n_context, int32_t n_gaps, int32_t gap_length) {
        const int32_t piece = n_context / (n_gaps + 1);
        for (int32_t i = 0; i <= n_gaps; ++i) {
            texts.push_back(from.cut((size_t)i * piece, piece));
        }
        for (int32_t i = 0; i <= n_gaps; ++i) {
            parts.push_back({MAGNET_PART_TEXT, view(texts[i]), 0, 0, false});
            if (i < n_gaps) {
                parts.push_back({MAGNET_PART_GAP, {}, gap_length, 0, false});
            }
        }
    }
};

void infilling(session & with, const source & texts, const options & o, int32_t n_context, int32_t n_gaps) {
    const form          work(texts, n_context, n_gaps, o.n_gap);
    const std::string   prompt = texts.cut(0, n_context);
    std::vector<timing> prompts, decodes, first[2], further[2];
    const int32_t       contexts[2] = {MAGNET_CONTEXT_ORDERED, MAGNET_CONTEXT_HYBRID};
    const auto          causal      = [&] {
        const generated plain = with.generate(prompt, n_gaps * o.n_gap);
        prompts.push_back(plain.prompt);
        decodes.push_back(plain.decode);
    };
    for (int32_t r = 0; r < o.repeat; ++r) {
        if (r % 2 == 0) {
            causal();
        }
        for (int32_t c = 0; c < 2; ++c) {
            const generated filled = with.infill(work.parts, contexts[c]);
            first[c].push_back(filled.prompt);
            further[c].push_back(filled.decode);
        }
        if (r % 2 == 1) {
            causal();
        }
    }
    for (int32_t c = 0; c < 2; ++c) {
        std::cout << json{{"curve", "infill"},
                          {"context", c == 0 ? "ordered" : "hybrid"},
                          {"tokens", n_context},
                          {"gaps", n_gaps},
                          {"generated", n_gaps * o.n_gap},
                          {"first_s", column(first[c], &timing::wall)},
                          {"first_cpu_s", column(first[c], &timing::cpu)},
                          {"further_s", column(further[c], &timing::wall)},
                          {"further_cpu_s", column(further[c], &timing::cpu)},
                          {"prompt_s", column(prompts, &timing::wall)},
                          {"prompt_cpu_s", column(prompts, &timing::cpu)},
                          {"decode_s", column(decodes, &timing::wall)},
                          {"decode_cpu_s", column(decodes, &timing::cpu)}}
                  << std::endl;
    }
}

void run(const options & o) {
    const auto    shared = std::make_shared<model>(o.model, o.gpu_layers);
    session       with(shared, o.threads);
    const int32_t most = with.info().n_ctx_train;
    source        texts(*shared, 2 * std::max(*std::max_element(o.contexts.begin(), o.contexts.end()), 1024));
    with.generate(texts.cut(0, 64), 8); // warm-up
    if (o.only != "infill") {
        embedding(with, texts, o);
    }
    if (o.only != "embed") {
        const auto fitting = [&](int32_t n) { return std::min(n, most - o.n_gap - 8); };
        // a session's context grows when it must: here, not in the first run of a size
        const form largest(texts, fitting(*std::max_element(o.contexts.begin(), o.contexts.end())), 1, o.n_gap);
        with.infill(largest.parts, MAGNET_CONTEXT_HYBRID);
        for (const int32_t n : o.contexts) {
            infilling(with, texts, o, fitting(n), 1);
        }
        for (const int32_t n : o.gaps) {
            infilling(with, texts, o, o.gaps_in, n);
        }
    }
}

} // namespace

int main(int argc, char ** argv) {
    options  o;
    CLI::App app("How speed changes with size. A line of JSON a point.");
    app.add_option("model", o.model, "GGUF file")->required()->check(CLI::ExistingFile);
    app.add_option("--only", o.only)->check(CLI::IsMember({"embed", "infill"}));
    app.add_option("--threads", o.threads, "-1 = physical cores");
    app.add_option("--gpu-layers", o.gpu_layers, "-1 = all")->capture_default_str();
    app.add_option("--repeat", o.repeat, "runs of a point")->check(CLI::Range(1, 1000))->capture_default_str();
    app.add_option("--seconds", o.seconds, "a run embeds at least so long")->capture_default_str();
    app.add_option("--gap", o.n_gap, "tokens of a gap")->check(CLI::Range(2, 4096))->capture_default_str();
    app.add_option("--lengths", o.lengths, "tokens of a text to embed")->delimiter(',')->check(CLI::Range(2, 65536));
    app.add_option("--batches", o.batches, "texts of a call")->delimiter(',')->check(CLI::Range(1, 65536));
    app.add_option("--contexts", o.contexts, "tokens around a gap")->delimiter(',')->check(CLI::Range(32, 1 << 20));
    app.add_option("--gaps", o.gaps, "gaps in a context")->delimiter(',')->check(CLI::Range(1, 63));
    app.add_option("--gaps-in", o.gaps_in, "tokens of that context")
        ->check(CLI::Range(64, 65536))
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        run(o);
    } catch (const std::exception & e) {
        std::cerr << "bench-scaling: " << e.what() << "\n";
        return 1;
    }
    return 0;
}
