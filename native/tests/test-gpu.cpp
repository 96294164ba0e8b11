// The graph engine on a GPU against the same engine on the CPU in F32, which graph-gradient holds to finite differences:
// every architecture, quantised weights, both precisions, all layers on the GPU or some.
#include "golden.h"
#include "gradient_fixture.h"
#include "quantised_model.h"

#include "llama.h"

#include <doctest/doctest.h>

using namespace magnet;
using namespace magnet::testing;

namespace {

graph_engine_params on_gpu(int32_t n_layers, engine_precision precision) {
    graph_engine_params p;
    p.n_threads    = 2;
    p.n_gpu_layers = n_layers;
    p.precision    = precision;
    return p;
}

// Bounds on |difference| / |reference| of a matrix's gradient. Products in F32 go through the tensor cores as TF32.
constexpr double exact_bound = 0.02;
constexpr double bf16_bound  = 0.08;

void check_gradients(const std::string & name, const std::string & path) {
    CAPTURE(name);
    REQUIRE(llama_supports_gpu_offload());
    const auto     cpu    = make_graph_engine(path, on_gpu(0, engine_precision::f32));
    const auto     rows   = random_rows({ 40, 60, 33, 200, 14, 15, 16 }, cpu->shape().n_vocab, 6);
    const lora_set set    = random_adapter(cpu->targets(), 8, 0.5f, 31);
    const lora_set second = random_adapter(cpu->targets(), 4, 0.7f, 32);
    const trained  plain  = train_once(*cpu, rows, { &set, &second });
    const trained  masked = train_once(*cpu, rows, { &set, &second }, { 0.3f, 99 });
    for (const int32_t n_layers : { -1, 1 }) {
        for (const engine_precision precision : { engine_precision::f32, engine_precision::bf16 }) {
            const bool   exact = precision == engine_precision::f32;
            const double bound = exact ? exact_bound : bf16_bound;
            CAPTURE(n_layers);
            CAPTURE(exact);
            const auto gpu   = make_graph_engine(path, on_gpu(n_layers, precision));
            double     worst = 0.0;
            for (const bool dropout : { false, true }) {
                CAPTURE(dropout);
                const trained & expected = dropout ? masked : plain;
                const trained   got =
                    train_once(*gpu, rows, { &set, &second }, dropout ? engine_dropout{ 0.3f, 99 } : engine_dropout{});
                CHECK(got.loss == doctest::Approx(expected.loss).epsilon(exact ? 3e-3 : 1e-2));
                for (size_t m = 0; m < set.matrices.size(); ++m) {
                    CAPTURE(set.matrices[m].target);
                    for (const double d : { distance(got.gradient.matrices[m].a, expected.gradient.matrices[m].a),
                                            distance(got.gradient.matrices[m].b, expected.gradient.matrices[m].b) }) {
                        CHECK(d < bound);
                        worst = std::max(worst, d);
                    }
                }
            }
            MESSAGE(name, ", layers ", n_layers, ", ", std::string(exact ? "exact" : "bf16"), ": largest distance ",
                    worst);
        }
    }
}

} // namespace

TEST_CASE("gpu: hidden states and gradients of every architecture") {
    for (const char * arch : { "llama", "qwen2", "qwen3", "gemma2", "phi3", "gpt2" }) {
        check_gradients(arch, golden_dir() + "tiny-" + arch + ".gguf");
    }
    check_gradients("wide llama", temporary_model(wide_model()).path);
    check_gradients("llama with experts", temporary_model(with_experts(wide_model(), 4, 4)).path);
}

TEST_CASE("gpu: gradients through quantised weights") {
    for (const llama_ftype type : { LLAMA_FTYPE_MOSTLY_Q4_1, LLAMA_FTYPE_MOSTLY_Q8_0, LLAMA_FTYPE_MOSTLY_Q4_K_M }) {
        check_gradients("file type " + std::to_string(type), quantised_model(0, type).path);
    }
}

TEST_CASE("gpu: loss and gradient of the output head") {
    REQUIRE(llama_supports_gpu_offload());
    for (const char * arch : { "llama", "gemma2" }) { // gemma2 caps its logits
        CAPTURE(arch);
        const std::string path = golden_dir() + "tiny-" + arch + ".gguf";
        const auto        cpu  = make_graph_engine(path, on_gpu(0, engine_precision::f32));
        const auto        gpu  = make_graph_engine(path, on_gpu(-1, engine_precision::f32));
        const int32_t     d = cpu->shape().n_embd, n = 70;
        std::mt19937      random(3);
        std::normal_distribution<float> normal;
        std::vector<float>   hidden(size_t(n) * d), nll[2] = { std::vector<float>(n), std::vector<float>(n) };
        std::vector<float>   gradient[2] = { std::vector<float>(hidden.size()), std::vector<float>(hidden.size()) };
        std::vector<float>   logits[2];
        std::vector<int32_t> targets(n);
        std::generate(hidden.begin(), hidden.end(), [&] { return normal(random); });
        std::generate(targets.begin(), targets.end(), [&] { return int32_t(random() % cpu->shape().n_vocab); });
        for (const int side : { 0, 1 }) {
            const auto & e = side == 0 ? cpu : gpu;
            e->cross_entropy(hidden.data(), nullptr, targets.data(), nullptr, n, nll[side].data(),
                             gradient[side].data());
            logits[side].resize(size_t(n) * cpu->shape().n_vocab);
            e->logits(hidden.data(), n, logits[side].data());
        }
        CHECK(distance(nll[1], nll[0]) < 1e-3);
        CHECK(distance(gradient[1], gradient[0]) < exact_bound);
        CHECK(distance(logits[1], logits[0]) < 2e-3);
    }
}
