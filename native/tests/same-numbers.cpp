// same-numbers MODEL.gguf FOLDER: how near each engine is to what scripts/same-gradients.py had PyTorch compute of this model,
// FOLDER/inference.json and FOLDER/train.json (the forms of golden/tiny-*.json).
#include "engine_fixture.h"
#include "train_golden.h"

#include <algorithm>
#include <cstdio>
#include <exception>

using namespace magnet;
using namespace magnet::testing;
using nlohmann::json;

namespace {

struct setting {
    const char *     engine;
    engine_precision precision;
};

constexpr setting settings[] = {
    { "fused", engine_precision::f32 },
    { "fused", engine_precision::bf16 },
    { "graph", engine_precision::f32 },
    { "graph", engine_precision::bf16 },
};

json read(const std::string & path) {
    std::ifstream file(path);
    if (!file) {
        throw std::runtime_error("cannot open " + path);
    }
    return json::parse(file);
}

std::unique_ptr<engine> engine_of(const std::string & model, const setting & s) {
    if (s.engine == std::string("graph")) {
        graph_engine_params params;
        params.n_threads = 2;
        params.precision = s.precision;
        return make_graph_engine(model, params);
    }
    return make_fused_engine(model, engine_params("", s.precision, 2));
}

// The smallest cosine of rows of n_embd numbers.
double smallest_cosine(const std::vector<float> & a, const std::vector<float> & b, size_t n_embd) {
    double smallest = 1.0;
    for (size_t i = 0; i < b.size(); i += n_embd) {
        const std::vector<float> x(a.begin() + i, a.begin() + i + n_embd), y(b.begin() + i, b.begin() + i + n_embd);
        smallest = std::min(smallest, cosine(x, y));
    }
    return smallest;
}

void print_row(const setting & s, const std::string & name, const char * what, double error, double least_cosine) {
    std::printf("| %s, %s | %s | %s | %.1e | %.6f |\n", s.engine, s.precision == engine_precision::f32 ? "F32" : "bf16",
                name.c_str(), what, error, least_cosine);
    std::fflush(stdout);
}

void compare_hidden(engine & e, const setting & s, const json & cases) {
    const size_t n_embd = size_t(e.shape().n_embd);
    for (const json & c : cases) {
        const owned_row row    = { integers<int32_t>(c["tokens"]), integers<int32_t>(c["positions"]), integers<int8_t>(c["roles"]) };
        const auto      mine   = hidden_of(e, { row.view() })[0];
        const auto      theirs = floats(c["hidden"]);
        print_row(s, c["name"], "hidden states", relative_error(mine, theirs), smallest_cosine(mine, theirs, n_embd));

        const auto         at = integers<int32_t>(c["logit_rows"]);
        std::vector<float> rows, logits(at.size() * e.shape().n_vocab);
        for (const int32_t i : at) {
            rows.insert(rows.end(), mine.begin() + i * n_embd, mine.begin() + (i + 1) * n_embd);
        }
        e.logits(rows.data(), int32_t(at.size()), logits.data());
        const auto expected = floats(c["logits"]);
        print_row(s, c["name"], "logits", relative_error(logits, expected),
                  smallest_cosine(logits, expected, size_t(e.shape().n_vocab)));
    }
}

void compare_gradients(engine & e, const setting & s, const json & file) {
    const trained_numbers at = { lora_of(file, file["lora"]), {} };
    for (const json & c : file["cases"]) {
        trained_numbers   gradient;
        const step_losses losses   = gradient_of(e, c, at, gradient);
        const lora_set    expected = lora_of(file, c["gradients"]);
        likeness          worst    = { 1.0, 0.0 };
        for (const lora_matrix & theirs : expected.matrices) {
            const lora_matrix & mine = matrix_of(gradient.lora, theirs.target);
            for (const likeness & l : { compare(mine.a, theirs.a), compare(mine.b, theirs.b) }) {
                worst = { std::min(worst.cosine, l.cosine), std::max(worst.error, l.error) };
            }
        }
        const double total = c["total"];
        print_row(s, c["name"], "loss", std::abs(losses.total - total) / std::abs(total), 1.0);
        print_row(s, c["name"], "gradients", worst.error, worst.cosine);
    }
}

} // namespace

int main(int argc, char ** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: same-numbers MODEL.gguf FOLDER\n");
        return 2;
    }
    try {
        const json inference = read(argv[2] + std::string("/inference.json")), train = read(argv[2] + std::string("/train.json"));
        std::printf("| engine | case | what | largest relative error | smallest cosine |\n|---|---|---|--:|--:|\n");
        for (const setting & s : settings) {
            const auto e = engine_of(argv[1], s);
            compare_hidden(*e, s, inference["cases"]);
            compare_gradients(*e, s, train);
        }
        return 0;
    } catch (const std::exception & fault) {
        std::fprintf(stderr, "same-numbers: %s\n", fault.what());
        return 1;
    }
}
