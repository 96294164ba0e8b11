// Stock llama.cpp reads our adapters and merged models, and computes with them what our engine does.
#include "engine/engine.h"
#include "golden.h"
#include "test_files.h"
#include "model/lora-file.h"
#include "train/lora.h"
#include "train/merge.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

using namespace magnet;
using namespace magnet::train;
using namespace magnet::testing;

namespace {

constexpr int32_t n_tokens = 16;

std::vector<float> stock_logits(const test_folder & folder, const std::string & model, const std::string & adapter) {
    const char * bin = std::getenv("MAGNET_STOCK_BIN");
    REQUIRE_MESSAGE(bin, "MAGNET_STOCK_BIN is not set; run the tests with ctest");
    const std::string out     = folder / "logits.f32";
#ifdef _WIN32 // its shell takes the outermost quotes for its own
    const std::string begin = "\"", end = "\"", emulator;
    const std::string program = std::filesystem::path(std::string(bin) + "/adapter-logits.exe").make_preferred().string();
#else
    const std::string begin, end, emulator = std::getenv("MAGNET_EMULATOR");
    const std::string program = std::string(bin) + "/adapter-logits";
#endif
    std::string command = begin + emulator;
    for (const std::string & word : {program, model, adapter, out}) {
        command += " \"" + word + "\"";
    }
    command += " 2> \"" + out + ".log\"" + end;
    REQUIRE_MESSAGE(std::system(command.c_str()) == 0, content_of(out + ".log"));
    const std::string  bytes = content_of(out);
    std::vector<float> logits(bytes.size() / sizeof(float));
    std::memcpy(logits.data(), bytes.data(), bytes.size());
    return logits;
}

std::vector<float> engine_logits(const std::string & model, const std::vector<const lora_set *> & sets) {
    fused_engine_params params;
    params.n_threads = 1;
    params.precision = engine_precision::f32;
    const auto e     = make_fused_engine(model, params);
    e->set_lora(sets);
    std::vector<int32_t> tokens;
    for (int32_t i = 0; i < n_tokens; ++i) {
        tokens.push_back(3 + 13 * i % 90); // adapter-logits.cpp
    }
    std::vector<float> hidden(size_t(n_tokens) * e->shape().n_embd), logits(size_t(n_tokens) * e->shape().n_vocab);
    e->forward({{tokens.data(), nullptr, nullptr, n_tokens}}, {hidden.data()});
    e->logits(hidden.data(), n_tokens, logits.data());
    return logits;
}

double largest_difference(const std::vector<float> & a, const std::vector<float> & b) {
    REQUIRE(a.size() == b.size());
    double most = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        most = std::max(most, std::fabs(double(a[i]) - b[i]));
    }
    return most;
}

} // namespace

TEST_CASE("an adapter, and the model merged with it, in stock llama.cpp") {
    for (const char * arch : {"llama", "qwen2", "qwen3"}) {
        CAPTURE(arch);
        const test_folder    folder;
        const nlohmann::json file  = read_golden(std::string("tiny-train-") + arch + ".json");
        const std::string    model = golden_dir() + file["model"].get<std::string>();
        lora_adapter         adapter;
        adapter.arch      = arch;
        adapter.alpha     = file["alpha"];
        adapter.set.rank  = file["rank"];
        adapter.set.scale = adapter.alpha / float(adapter.set.rank);
        adapter.how       = {recipe_version, "Find: ", "Find: ", MAGNET_POOLING_LAST, MAGNET_ATTENTION_BIDIRECTIONAL, MAGNET_CONTEXT_ORDERED, 2, 1, 0};
        for (const auto & [name, m] : file["lora"].items()) {
            adapter.set.matrices.push_back({name, m["a"]["shape"][1], m["b"]["shape"][0], floats(m["a"]), floats(m["b"])});
        }
        save_lora(folder / "a.gguf", adapter, lora_type::f32);

        const std::vector<float> bare = stock_logits(folder, model, "-");
        const std::vector<float> with = stock_logits(folder, model, folder / "a.gguf");
        CHECK(largest_difference(bare, with) > 0.05);
        CHECK(largest_difference(bare, engine_logits(model, {})) < 1e-4);
        CHECK(largest_difference(with, engine_logits(model, {&adapter.set})) < 1e-4);

        merge_lora(model, folder / "a.gguf", 1, merge_type::base, folder / "m.gguf");
        CHECK(largest_difference(with, stock_logits(folder, folder / "m.gguf", "-")) < 1e-4);
        merge_lora(model, folder / "a.gguf", 1, merge_type::f16, folder / "h.gguf");
        CHECK(largest_difference(with, stock_logits(folder, folder / "h.gguf", "-")) < 0.05);
    }
}
