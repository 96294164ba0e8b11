// What a server does, beside plain llama.cpp on the same file, tokens and threads, the sides in turn (A B B A A B …):
// one caller by length of context, many callers at once, a prompt that arrives while others decode, a busy neighbour. A
// line of JSON a point, with the values of every run: "side" is MAGNET, "peer" stock llama.cpp (bench-llama).
//
//     bench-serving model.gguf context 512 4096
//     bench-serving model.gguf callers 1 16 64
//     bench-serving model.gguf arrival 16
//     bench-serving model.gguf neighbour
//
// MAGNET runs with the default options of a session. Runs end after --seconds; the first one of a point counts only
// where there was no time for another.
#include "burners.h"
#include "callers.h"
#include "material.h"
#include "session.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <functional>
#include <iostream>
#include <thread>

using namespace magnet::bench;
using nlohmann::json;

namespace {

struct options {
    std::string          model;
    bool                 alone    = false;
    int32_t              threads  = (int32_t)std::max(1u, std::thread::hardware_concurrency());
    int32_t              repeat   = 5;
    double               seconds  = 40.0;
    int32_t              n_prompt = 16;
    int32_t              n_tokens = 48;
    std::vector<int32_t> sizes;
};

// Several texts of so many tokens each, no two alike.
class source {
public:
    explicit source(const infilling_side & with) : with_(with) {
        std::string text;
        for (const std::string & sentence : sentences(4000)) {
            text += sentence + " ";
        }
        words_           = words(text, 0, text.size());
        tokens_per_word_ = (double)with.make_prompt(words_).tokens.size() /
                           (double)(std::count(words_.begin(), words_.end(), ' ') + 1);
    }

    // Words from the i-th place on; n tokens, or a few fewer.
    prompt cut(size_t i, int32_t n) const {
        auto   count = (size_t)((double)n / tokens_per_word_) + 4;
        prompt p;
        do {
            p = with_.make_prompt(words(words_, i * 17, --count));
        } while (p.tokens.size() > (size_t)n && count > 1);
        return p;
    }

private:
    const infilling_side & with_;
    std::string            words_;
    double                 tokens_per_word_ = 1.0;
};

// Values by name, one of each run.
using columns = std::map<std::string, std::vector<double>>;

struct bench {
    const options                   o;
    std::shared_ptr<const model>    shared;
    std::unique_ptr<infilling_side> own;
    std::unique_ptr<side>           peer; // none: not compared
    source                          texts;

    explicit bench(const options & from)
        : o(from), shared(std::make_shared<model>(o.model)), own(make_magnet_side(shared, -1)),
          peer(o.alone ? nullptr : make_peer(o.threads)), texts(*own) {}

    std::unique_ptr<side> make_peer(int32_t threads) const {
        return make_llama_side("llama.cpp", MAGNET_STOCK_BIN "/bench-llama", o.model, threads, 2048);
    }

    // Runs ours and theirs in turn while there is time. Either adds its figures to the columns that it is given.
    json in_turn(const std::function<void(columns &)> & ours, const std::function<void(columns &)> & theirs) const {
        columns         own_columns, peer_columns;
        const stopwatch watch;
        for (int32_t i = 0; i <= o.repeat; ++i) {
            const double begun = watch.elapsed().wall;
            if (i == 1 && 2 * begun < o.seconds) { // there is time for more: the first one was for warming up
                own_columns.clear();
                peer_columns.clear();
            } else if (i > 0 && begun + begun / i > o.seconds) {
                break;
            }
            if (i % 2 == 0) {
                ours(own_columns);
            }
            if (peer) {
                theirs(peer_columns);
            }
            if (i % 2 == 1) {
                ours(own_columns);
            }
        }
        return {{"side", own_columns}, {"peer", peer_columns}};
    }

    void print(json point) const { std::cout << point.dump() << std::endl; }
};

size_t same(const std::vector<int32_t> & a, const std::vector<int32_t> & b) {
    return (size_t)(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

// Prompt and decoding after it, and the first token of a gap with a hybrid context of that length.
void by_context(const bench & b) {
    for (const int32_t n : b.o.sizes) {
        const prompt         p    = b.texts.cut(0, n);
        const std::string    left = p.text.substr(0, p.text.size() / 2);
        std::vector<int32_t> own_tokens, peer_tokens;
        const auto           add = [&](columns & c, const generated & g) {
            c["prompt_s"].push_back(g.prompt.wall);
            c["token_s"].push_back(g.decode.wall / (b.o.n_tokens - 1));
        };
        json point = b.in_turn(
            [&](columns & c) {
                const generated g = b.own->generate(p, b.o.n_tokens);
                add(c, g);
                own_tokens = g.tokens;
                c["gap_s"].push_back(
                    b.own->infill(left, 2, p.text.substr(left.size()), MAGNET_CONTEXT_HYBRID).prompt.wall);
            },
            [&](columns & c) {
                const generated g = b.peer->generate(p, b.o.n_tokens);
                add(c, g);
                peer_tokens = g.tokens;
            });
        point["curve"]     = "context";
        point["tokens"]    = p.tokens.size();
        point["same"]      = same(own_tokens, peer_tokens);
        point["generated"] = b.o.n_tokens;
        b.print(point);
    }
}

void add_callers(columns & c, const std::vector<caller_run> & runs) {
    const callers_figures f(runs);
    c["rate"].push_back(f.rate);
    c["decode_rate"].push_back(f.decode_rate);
    c["first_p50"].push_back(f.first_p50);
    c["first_p99"].push_back(f.first_p99);
    c["next_p50"].push_back(f.next_p50);
    c["next_p99"].push_back(f.next_p99);
}

void by_callers(const bench & b) {
    for (const int32_t n : b.o.sizes) {
        std::vector<prompt> prompts;
        for (int32_t i = 0; i < n; ++i) {
            prompts.push_back(b.texts.cut((size_t)i, b.o.n_prompt));
        }
        json point         = b.in_turn([&](columns & c) { add_callers(c, b.own->together(prompts, b.o.n_tokens, 0)); },
                               [&](columns & c) { add_callers(c, b.peer->together(prompts, b.o.n_tokens, 0)); });
        point["curve"]     = "callers";
        point["callers"]   = n;
        point["tokens"]    = b.o.n_prompt;
        point["generated"] = b.o.n_tokens;
        b.print(point);
    }
}

// A prompt of 512 tokens comes while so many others decode.
void by_arrival(const bench & b) {
    const int32_t n_late = 512, late_after = 8;
    for (const int32_t n : b.o.sizes) {
        std::vector<prompt> prompts;
        for (int32_t i = 0; i < n; ++i) {
            prompts.push_back(b.texts.cut((size_t)i, b.o.n_prompt));
        }
        prompts.push_back(b.texts.cut(0, n_late));
        const auto add = [&](columns & c, const std::vector<caller_run> & runs) {
            const caller_run & late  = runs.back();
            double             stall = 0.0; // longest that one of the others waits for its next token meanwhile
            for (size_t r = 0; r + 1 < runs.size(); ++r) {
                const std::vector<double> & at = runs[r].at;
                for (size_t i = 1; i < at.size(); ++i) {
                    if (at[i] > late.begin && at[i - 1] <= late.at.front()) {
                        stall = std::max(stall, at[i] - at[i - 1]);
                    }
                }
            }
            c["first_s"].push_back(late.at.front() - late.begin);
            c["stall_s"].push_back(stall);
        };
        json point       = b.in_turn([&](columns & c) { add(c, b.own->together(prompts, b.o.n_tokens, late_after)); },
                               [&](columns & c) { add(c, b.peer->together(prompts, b.o.n_tokens, late_after)); });
        point["curve"]   = "arrival";
        point["callers"] = n;
        point["tokens"]  = prompts.back().tokens.size();
        b.print(point);
    }
}

// Decoding with default options beside one process that wants a processor for itself, and with every fixed number of
// threads. The peer with every number of threads.
void beside_neighbour(const bench & b) {
    const prompt p      = b.texts.cut(0, b.o.n_prompt);
    const auto   decode = [&](side & s) { return (b.o.n_tokens - 1) / s.generate(p, b.o.n_tokens).decode.wall; };
    std::vector<std::unique_ptr<side>> fixed, peers;
    for (int32_t threads = 1; threads <= b.o.threads; threads *= 2) {
        fixed.push_back(make_magnet_side(b.shared, threads));
        peers.push_back(b.make_peer(threads));
    }
    for (const int32_t n : {0, 1}) {
        const burners neighbour(n);
        const auto    each = [&](columns & c, const std::vector<std::unique_ptr<side>> & sides) {
            for (size_t i = 0; i < sides.size(); ++i) {
                c["threads_" + std::to_string(1 << i)].push_back(decode(*sides[i]));
            }
        };
        json point = b.in_turn(
            [&](columns & c) {
                c["default"].push_back(decode(*b.own));
                each(c, fixed);
            },
            [&](columns & c) { each(c, peers); });
        point["curve"] = "neighbour";
        point["busy"]  = n;
        b.print(point);
    }
}

} // namespace

int main(int argc, char ** argv) {
    options                                              o;
    std::string                                          what;
    const std::map<std::string, void (*)(const bench &)> curves{
        {"context", by_context}, {"callers", by_callers}, {"arrival", by_arrival}, {"neighbour", beside_neighbour}};
    CLI::App app("What a server does, beside plain llama.cpp, the sides in turn. A line of JSON a point.");
    app.add_option("model", o.model, "GGUF file")->required()->check(CLI::ExistingFile);
    app.add_option("what", what, "context, callers, arrival or neighbour")->required()->check(CLI::IsMember(curves));
    app.add_option("sizes", o.sizes, "tokens of the context, or callers")->check(CLI::Range(1, 1 << 20));
    app.add_flag("--alone", o.alone, "without the peer");
    app.add_option("--threads", o.threads, "of the peer")->check(CLI::Range(1, 512))->capture_default_str();
    app.add_option("--repeat", o.repeat, "most measured runs of a point")->check(CLI::Range(1, 1000));
    app.add_option("--seconds", o.seconds, "of a point, about")->capture_default_str();
    app.add_option("--prompt", o.n_prompt, "tokens of a caller's prompt")->check(CLI::Range(2, 65536));
    app.add_option("--generate", o.n_tokens, "tokens of each caller")->check(CLI::Range(2, 65536));
    CLI11_PARSE(app, argc, argv);
    try {
        const bench b(o);
        curves.at(what)(b);
    } catch (const std::exception & e) {
        std::cerr << "bench-serving: " << e.what() << "\n";
        return 1;
    }
    return 0;
}
