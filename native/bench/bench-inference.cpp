// Speed of inference beside plain llama.cpp: prompt, decoding, embedding, infilling, on the same file, tokens and
// threads, the sides in turn (A B B A A B …). A table to stdout, all figures as JSON to a file.
//
//     bench-inference model.gguf --threads 2 --json inference.json
//
// The peer "stock" is unpatched llama.cpp, save for the fix without which it crashes on machines with AMX. The peer
// "patched" is the same program with MAGNET's patches: what they cost, and with --burners what they bring.
#include "burners.h"
#include "material.h"
#include "session.h"
#include "statistics.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <iostream>
#include <thread>

using namespace magnet::bench;

namespace {

struct options {
    std::string              model, json, texts;
    std::vector<std::string> peers     = {"stock"};
    int32_t                  threads   = (int32_t)std::max(1u, std::thread::hardware_concurrency());
    int32_t                  repeat    = 5;
    int32_t                  n_prompt  = 512;
    int32_t                  n_decode  = 128;
    int32_t                  n_gap     = 64;
    int32_t                  n_texts   = 200;
    int32_t                  peer_pass = 2048;
    int32_t                  burners   = 0;
};

// The texts of one run, the same for all sides.
struct material {
    prompt              longer, shorter; // n_prompt tokens and 16, about
    std::string         left, right;     // of a gap: the two halves of longer
    std::vector<prompt> sentences;
};

material make_material(const infilling_side & s, const options & o) {
    std::vector<std::string> list = sentences(o.n_texts);
    if (!o.texts.empty()) {
        list.clear();
        std::ifstream file(o.texts);
        for (std::string line; (int32_t)list.size() < o.n_texts && std::getline(file, line);) {
            list.push_back(line);
        }
        if (list.empty()) {
            throw std::runtime_error(o.texts + " holds no sentences");
        }
    }
    std::string all;
    for (const std::string & sentence : sentences(2000)) {
        all += sentence + " ";
    }

    const auto with_tokens = [&](int32_t n) {
        size_t n_words = 1;
        while (s.make_prompt(words(all, 0, n_words + 1)).tokens.size() <= (size_t)n) {
            ++n_words;
        }
        return n_words;
    };
    const size_t n = with_tokens(o.n_prompt);
    material     m;
    m.longer  = s.make_prompt(words(all, 0, n));
    m.shorter = s.make_prompt(words(all, 0, with_tokens(16)));
    m.left    = words(all, 0, n / 2);
    m.right   = " " + words(all, n / 2, n - n / 2);
    for (const std::string & sentence : list) {
        m.sentences.push_back(s.make_prompt(sentence));
    }
    return m;
}

std::string same_tokens(const std::vector<int32_t> & a, const std::vector<int32_t> & b) {
    const auto differ = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    return std::to_string(differ.first - a.begin()) + " of " + std::to_string(a.size()) + " tokens the same";
}

std::string lowest_cosine(const std::vector<float> & a, const std::vector<float> & b, size_t n_texts) {
    double lowest = 1.0;
    for (size_t i = 0, width = a.size() / n_texts; i < a.size(); i += width) {
        double dot = 0.0;
        for (size_t d = 0; d < width; ++d) {
            dot += (double)a[i + d] * b[i + d];
        }
        lowest = dot >= lowest ? lowest : dot; // NaN too
        if (std::isnan(lowest)) {
            break;
        }
    }
    char text[48];
    snprintf(text, sizeof(text), "lowest cosine %.5f", lowest);
    return text;
}

std::vector<comparison> compare(infilling_side & own, side & peer, const material & m, const options & o) {
    const auto row = [&](const std::string & what, const char * unit, double amount, bool by_time) {
        return comparison{what, own.name(), peer.name(), unit, amount, by_time, {}, {}, ""};
    };
    const double n_prompt = (double)m.longer.tokens.size();
    comparison   prompt_row =
        row("prompt, " + std::to_string(m.longer.tokens.size()) + " tokens", "tokens/s", n_prompt, false);
    comparison decode_row = row("decode", "tokens/s", o.n_decode - 1, false);
    comparison embed_row  = row("embed, " + std::to_string(m.sentences.size()) + " sentences", "sentences/s",
                                (double)m.sentences.size(), false);
    comparison first_row  = row("infill, first token", "1/s", 1, true);
    comparison next_row   = row("infill, further tokens", "tokens/s", o.n_gap - 1, true);
    first_row.agreement   = "v. prompt of that length";
    next_row.agreement    = "v. decoding after it";

    for (int32_t i = -1; i < o.repeat; ++i) { // the first round warms up
        std::cerr << "\r" << own.name() << " and " << peer.name() << ": round " << i + 1 << " of " << o.repeat
                  << std::flush;
        // who goes first changes from round to round: clocks and caches are in another state for the second
        generated own_long, peer_long, own_short, peer_short, filled, beside;
        embedded  own_embed, peer_embed;
        const auto in_turn = [&](const auto & ours, const auto & theirs) {
            i % 2 == 0 ? (ours(), theirs()) : (theirs(), ours());
        };
        in_turn([&] { own_long = own.generate(m.longer, o.n_gap); }, [&] { peer_long = peer.generate(m.longer, o.n_gap); });
        in_turn([&] { own_short = own.generate(m.shorter, o.n_decode); },
                [&] { peer_short = peer.generate(m.shorter, o.n_decode); });
        in_turn([&] { own_embed = own.embed(m.sentences); }, [&] { peer_embed = peer.embed(m.sentences); });
        in_turn([&] { filled = own.infill(m.left, o.n_gap, m.right, MAGNET_CONTEXT_DEFAULT); },
                [&] { beside = peer.generate(m.longer, o.n_gap); });
        if ((int32_t)filled.tokens.size() != o.n_gap) { // a shorter fill would count as a faster one
            throw std::runtime_error("the gap has " + std::to_string(filled.tokens.size()) + " tokens instead of " +
                                     std::to_string(o.n_gap));
        }
        if (i < 0) {
            prompt_row.agreement = same_tokens(own_long.tokens, peer_long.tokens);
            decode_row.agreement = same_tokens(own_short.tokens, peer_short.tokens);
            embed_row.agreement  = lowest_cosine(own_embed.vectors, peer_embed.vectors, m.sentences.size());
            continue;
        }
        const auto add = [](comparison & c, const timing & a, const timing & b) {
            c.side_runs.push_back(a);
            c.peer_runs.push_back(b);
        };
        add(prompt_row, own_long.prompt, peer_long.prompt);
        add(decode_row, own_short.decode, peer_short.decode);
        add(embed_row, own_embed.time, peer_embed.time);
        add(first_row, filled.prompt, beside.prompt);
        add(next_row, filled.decode, beside.decode);
    }
    std::cerr << "\r" << std::string(60, ' ') << "\r";
    return {prompt_row, decode_row, embed_row, first_row, next_row};
}

int run(const options & o) {
    const burners  competitors(o.burners);
    nlohmann::json report = {{"model", o.model}, {"burners", o.burners}, {"begin", circumstances(o.threads)}};
    std::cout << report["begin"]["cpu"].get<std::string>() << ", " << o.threads << " threads, load "
              << report["begin"]["load_average"][0] << (o.burners ? ", " + std::to_string(o.burners) + " burners" : "")
              << "\n";

    const auto     own = make_magnet_side(std::make_shared<model>(o.model), o.threads);
    const material m   = make_material(*own, o);
    std::cout << table_head() << std::endl;
    for (const std::string & name : o.peers) {
        const char * folder = name == "stock" ? MAGNET_STOCK_BIN : MAGNET_TWIN_BIN;
        const auto peer = make_llama_side(name, std::string(folder) + "/bench-llama", o.model, o.threads, o.peer_pass);
        for (const comparison & c : compare(*own, *peer, m, o)) {
            std::cout << c.table_row() << std::endl;
            report["rows"].push_back(c.json());
        }
    }
    report["end"] = circumstances(o.threads);
    if (!o.json.empty()) {
        std::ofstream(o.json) << report.dump(1) << "\n";
    }
    return 0;
}

} // namespace

int main(int argc, char ** argv) {
    options  o;
    CLI::App app("Speed of inference beside plain llama.cpp, the sides in turn.");
    app.add_option("model", o.model, "GGUF file")->required()->check(CLI::ExistingFile);
    app.add_option("--peers", o.peers, "stock, patched or both")
        ->check(CLI::IsMember({"stock", "patched"}))
        ->capture_default_str();
    app.add_option("--threads", o.threads, "of every side")->check(CLI::Range(1, 512))->capture_default_str();
    app.add_option("--repeat", o.repeat, "measured rounds")->check(CLI::Range(1, 1000))->capture_default_str();
    app.add_option("--prompt", o.n_prompt, "tokens of a prompt")->check(CLI::Range(32, 100000))->capture_default_str();
    app.add_option("--decode", o.n_decode, "tokens to generate")->check(CLI::Range(2, 100000))->capture_default_str();
    app.add_option("--gap", o.n_gap, "tokens of a gap")->check(CLI::Range(2, 100000))->capture_default_str();
    app.add_option("--texts", o.texts, "file of sentences to embed, one a line")->check(CLI::ExistingFile);
    app.add_option("--n-texts", o.n_texts, "sentences to embed")->check(CLI::Range(1, 1000000))->capture_default_str();
    app.add_option("--peer-pass", o.peer_pass, "most tokens that a peer embeds in one pass (llama-embedding: 2048)")
        ->check(CLI::Range(64, 65536))
        ->capture_default_str();
    app.add_option("--burners", o.burners, "processes that compete for the CPUs")
        ->check(CLI::Range(0, 512))
        ->capture_default_str();
    app.add_option("--json", o.json, "file for all figures");
    CLI11_PARSE(app, argc, argv);
    try {
        return run(o);
    } catch (const std::exception & e) {
        std::cerr << "bench-inference: " << e.what() << "\n";
        return 1;
    }
}
