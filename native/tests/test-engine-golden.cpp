// The fused engine against PyTorch: hidden states, logits, losses and LoRA gradients of the committed tiny models.
#include "engine_golden.h"

using namespace magnet;
using namespace magnet::testing;
using nlohmann::json;

namespace {

constexpr const char * archs[] = { "llama", "qwen2", "qwen3", "gemma3", "olmo2" };

// {"blk.0.attn_q.weight": {"a": ..., "b": ...}, ...} in the engine's order
lora_set golden_adapter(const json & file, const json & matrices, const engine & e) {
    lora_set set;
    set.rank     = file.at("rank");
    set.scale    = file.at("alpha").get<float>() / float(set.rank);
    set.matrices = e.targets();
    for (lora_matrix & m : set.matrices) {
        m.a = floats(matrices.at(m.target).at("a"));
        m.b = floats(matrices.at(m.target).at("b"));
    }
    return set;
}

// Positions of one row with a label, and their weight in the total loss.
struct labels {
    std::vector<int32_t> index, target;
    std::vector<float>   weight;
};

std::vector<labels> labels_of(const json & test_case) {
    std::vector<labels> all(test_case.at("rows").size());
    for (const char * objective : { "mntp", "msg" }) {
        size_t count = 0;
        for (const json & row : test_case.at("rows")) {
            for (const int32_t label : row.at(objective)) {
                count += label >= 0;
            }
        }
        if (!test_case.at("weights").contains(objective)) {
            continue;
        }
        for (size_t r = 0; r < all.size(); ++r) {
            const auto label = integers<int32_t>(test_case.at("rows")[r].at(objective));
            for (size_t t = 0; t < label.size(); ++t) {
                if (label[t] >= 0) {
                    all[r].index.push_back(int32_t(t));
                    all[r].target.push_back(label[t]);
                    all[r].weight.push_back(test_case.at("weights").at(objective).get<float>() / float(count));
                }
            }
        }
    }
    return all;
}

} // namespace

TEST_CASE("hidden states and logits agree with PyTorch") {
    for (const char * arch : { "llama", "llama3", "qwen2", "qwen3", "phi3", "gemma2", "gemma3", "olmo2" }) {
        const json golden = read_golden(std::string("tiny-inference-") + arch + ".json");
        const auto path   = golden_dir() + golden.at("model").get<std::string>();
        for (const std::string & kernel : fused_engine_kernels()) {
            const auto e = make_fused_engine(path, engine_params(kernel, engine_precision::f32, 1));
            CAPTURE(arch);
            CAPTURE(kernel);
            check_inference(*e, golden);
        }
    }
}

TEST_CASE("losses and gradients of MNTP and MSG agree with PyTorch") {
    int32_t n_cases = 0;
    for (const char * arch : archs) {
        const json golden = read_golden(std::string("tiny-train-") + arch + ".json");
        const auto path   = golden_dir() + golden.at("model").get<std::string>();
        for (const engine_precision precision : { engine_precision::f32, engine_precision::bf16 }) {
            const bool     f32 = precision == engine_precision::f32;
            const auto     e   = make_fused_engine(path, engine_params("", precision, 2));
            const lora_set set = golden_adapter(golden, golden.at("lora"), *e);
            e->set_lora({ &set });
            for (const json & test_case : golden.at("cases")) {
                if (!test_case.at("pairs").is_null()) {
                    continue; // contrastive rows are the trainer's
                }
                ++n_cases;
                CAPTURE(arch);
                CAPTURE(f32);
                CAPTURE(test_case.at("name").get<std::string>());
                std::vector<owned_row> rows;
                for (const json & row : test_case.at("rows")) {
                    rows.push_back(golden_row(row));
                }
                const auto          targets = labels_of(test_case);
                std::vector<double> losses(rows.size());
                lora_set            gradient = zeros_like(set);
                e->train(
                    views(rows),
                    [&](int32_t r, const float * hidden, float * d_hidden) {
                        const labels &     l = targets[r];
                        std::vector<float> nll(l.index.size());
                        e->cross_entropy(hidden, l.index.data(), l.target.data(), l.weight.data(),
                                         int32_t(nll.size()), nll.data(), d_hidden);
                        for (size_t i = 0; i < nll.size(); ++i) {
                            losses[r] += double(l.weight[i]) * nll[i];
                        }
                    },
                    {}, gradient);
                double total = 0.0;
                for (const double loss : losses) {
                    total += loss;
                }
                CHECK(total == doctest::Approx(test_case.at("total").get<double>()).epsilon(f32 ? 1e-5 : 2e-2));
                for (const lora_matrix & m : gradient.matrices) {
                    CAPTURE(m.target);
                    const auto a = floats(test_case.at("gradients").at(m.target).at("a"));
                    const auto b = floats(test_case.at("gradients").at(m.target).at("b"));
                    if (f32) {
                        CHECK(relative_error(m.a, a) < 1e-4);
                        CHECK(relative_error(m.b, b) < 1e-4);
                    } else {
                        CHECK(cosine(m.a, a) > 0.995);
                        CHECK(cosine(m.b, b) > 0.995);
                    }
                }
            }
        }
    }
    CHECK(n_cases >= 3 * 2 * 4);
}
