// Adapter files, target names, merging.
#include "base/error.h"
#include "base/gguf-file.h"
#include "test_files.h"
#include "model/lora-file.h"
#include "train/lora.h"
#include "train/merge.h"
#include "train/rng.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <utility>

using namespace magnet;
using namespace magnet::train;
using namespace magnet::testing;

namespace {

std::vector<lora_matrix> two_layers() {
    std::vector<lora_matrix> all;
    for (const char * layer : {"blk.0.", "blk.11."}) {
        for (const char * stem : {"attn_q", "attn_k", "attn_output", "ffn_down"}) {
            all.push_back({std::string(layer) + stem + ".weight", 32, 64, {}, {}});
        }
    }
    return all;
}

std::vector<std::string> names_of(const std::vector<lora_matrix> & matrices) {
    std::vector<std::string> names;
    for (const lora_matrix & m : matrices) {
        names.push_back(m.target);
    }
    return names;
}

void fill(std::vector<float> & values, uint64_t seed, float size = 1) {
    rng r(seed, draw::lora_init);
    for (float & x : values) {
        x = size * float(2 * r.uniform() - 1);
    }
}

// A base of one matrix to be adapted, one that is not, and some metadata.
std::string write_base(const test_folder & folder, ggml_type type, const std::vector<float> & w) {
    const gguf_ptr meta(gguf_init_empty());
    gguf_set_val_str(meta.get(), "general.architecture", "llama");
    gguf_set_val_u32(meta.get(), "llama.block_count", 1);
    const char * words[] = {"a", "b", "c", "d", "e", "f"};
    gguf_set_arr_str(meta.get(), "tokenizer.ggml.tokens", words, 6);
    std::vector<uint8_t> stored(ggml_row_size(type, 64) * 32);
    ggml_quantize_chunk(type, w.data(), stored.data(), 0, 32, 64, nullptr);
    const std::vector<float> norm(64, 1.5f);
    const std::string        path = folder / "base.gguf";
    write_gguf(path, meta.get(),
               {{"blk.0.attn_norm.weight", GGML_TYPE_F32, {64}, [&] { return norm.data(); }},
                {"blk.0.attn_q.weight", type, {64, 32}, [&] { return stored.data(); }}});
    return path;
}

lora_adapter an_adapter() {
    lora_adapter a;
    a.arch  = "llama";
    a.alpha = 6;
    a.set   = {3, 2, {{"blk.0.attn_q.weight", 64, 32, std::vector<float>(3 * 64), std::vector<float>(32 * 3)}}};
    fill(a.set.matrices[0].a, 1);
    fill(a.set.matrices[0].b, 2);
    a.how.version     = recipe_version;
    a.how.instruction = "Find: ";
    a.how.pooling     = MAGNET_POOLING_LAST;
    a.how.context     = MAGNET_CONTEXT_HYBRID;
    a.how.token_mask  = 5;
    a.how.token_end   = 2;
    return a;
}

} // namespace

TEST_CASE("targets by short name, GGUF name, and an unknown one") {
    const std::vector<lora_matrix> all = two_layers();
    CHECK(names_of(select_targets(all, {"q", "o"})) ==
          std::vector<std::string>{"blk.0.attn_q.weight", "blk.0.attn_output.weight", "blk.11.attn_q.weight",
                                   "blk.11.attn_output.weight"});
    CHECK(names_of(select_targets(all, {"blk.11.attn_k", "blk.0.ffn_down.weight"})) ==
          std::vector<std::string>{"blk.0.ffn_down.weight", "blk.11.attn_k.weight"});
    CHECK(names_of(select_targets(all, {"ffn_down"})).size() == 2);
    CHECK(error_of([&] {
              select_targets(all, {"q", "gate"});
          }) == "lora.targets names \"gate\"; this model has q, k, o, down, or one of them by its GGUF name, like "
                "blk.0.attn_q.weight.");
    CHECK(error_of([&] { select_targets(all, {}); }) == "lora.targets is empty: there is nothing to train.");
}

TEST_CASE("a fresh adapter: A kaiming-uniform, B zero, the same for the same seed") {
    const lora_set a = make_lora(two_layers(), 8, 16, 1), b = make_lora(two_layers(), 8, 16, 1),
                   c = make_lora(two_layers(), 8, 16, 2);
    CHECK(a.scale == 2.0f);
    CHECK(n_parameters(a) == 8 * 8 * (32 + 64));
    double sum = 0, squares = 0, most = 0;
    for (size_t i = 0; i < a.matrices.size(); ++i) {
        CHECK(a.matrices[i].a == b.matrices[i].a);
        CHECK(a.matrices[i].a != c.matrices[i].a);
        CHECK(a.matrices[i].b == std::vector<float>(64 * 8, 0.0f));
        for (const float x : a.matrices[i].a) {
            sum += x;
            squares += double(x) * x;
            most = std::max(most, std::fabs(double(x)));
        }
    }
    const double n = 8 * 8 * 32, bound = 1 / std::sqrt(32.0);
    CHECK(most <= bound);
    CHECK(std::fabs(sum / n) < 4 * bound / std::sqrt(3 * n));
    CHECK(squares / n == doctest::Approx(bound * bound / 3).epsilon(0.05)); // variance of a uniform distribution
}

TEST_CASE("save, load: the same adapter") {
    const test_folder  folder;
    const lora_adapter a    = an_adapter();
    const std::string  path = folder / "a.gguf";
    save_lora(path, a, lora_type::f32);
    const lora_adapter b = load_lora(path);
    CHECK(b.arch == "llama");
    CHECK(b.alpha == 6);
    CHECK(b.set.rank == 3);
    CHECK(b.set.scale == 2);
    REQUIRE(b.set.matrices.size() == 1);
    CHECK(b.set.matrices[0].target == "blk.0.attn_q.weight");
    CHECK(b.set.matrices[0].n_in == 64);
    CHECK(b.set.matrices[0].n_out == 32);
    CHECK(b.set.matrices[0].a == a.set.matrices[0].a);
    CHECK(b.set.matrices[0].b == a.set.matrices[0].b);
    CHECK(b.how.version == recipe_version);
    CHECK(b.how.instruction == "Find: ");
    CHECK(b.how.pooling == MAGNET_POOLING_LAST);
    CHECK(b.how.attention == MAGNET_ATTENTION_BIDIRECTIONAL);
    CHECK(b.how.context == MAGNET_CONTEXT_HYBRID);
    CHECK(b.how.token_mask == 5);
    CHECK(b.how.token_end == 2);

    save_lora(path, a, lora_type::f16);
    const lora_adapter half = load_lora(path);
    for (size_t i = 0; i < 3 * 64; ++i) {
        CHECK(half.set.matrices[0].a[i] == doctest::Approx(a.set.matrices[0].a[i]).epsilon(1e-3));
    }

    // rank 1: GGUF drops the trailing dimension of 1
    lora_adapter thin = an_adapter();
    thin.set.rank     = 1;
    thin.set.matrices[0].a.resize(64);
    thin.set.matrices[0].b.resize(32);
    save_lora(path, thin, lora_type::f32);
    CHECK(load_lora(path).set.rank == 1);
    CHECK(load_lora(path).set.matrices[0].b == thin.set.matrices[0].b);
}

TEST_CASE("matrices of different rank mean what llama.cpp makes of them: scale alpha / own rank") {
    const test_folder folder;
    const gguf_ptr    meta(gguf_init_empty());
    gguf_set_val_str(meta.get(), "general.type", "adapter");
    gguf_set_val_str(meta.get(), "general.architecture", "llama");
    gguf_set_val_str(meta.get(), "adapter.type", "lora");
    gguf_set_val_f32(meta.get(), "adapter.lora.alpha", 8);
    std::vector<float> a1(2 * 4), b1(3 * 2), a2(1 * 4), b2(3 * 1);
    fill(a1, 1);
    fill(b1, 2);
    fill(a2, 3);
    fill(b2, 4);
    write_gguf(folder / "a.gguf", meta.get(),
               {{"x.weight.lora_a", GGML_TYPE_F32, {4, 2}, [&] { return a1.data(); }},
                {"x.weight.lora_b", GGML_TYPE_F32, {2, 3}, [&] { return b1.data(); }},
                {"y.weight.lora_a", GGML_TYPE_F32, {4, 1}, [&] { return a2.data(); }},
                {"y.weight.lora_b", GGML_TYPE_F32, {1, 3}, [&] { return b2.data(); }}});
    const lora_adapter a = load_lora(folder / "a.gguf");
    CHECK(a.set.rank == 2);
    CHECK(a.how.version == 0);
    for (int o = 0; o < 3; ++o) {
        for (int i = 0; i < 4; ++i) {
            double y = 0;
            for (int r = 0; r < 2; ++r) {
                y += double(a.set.scale) * a.set.matrices[1].b[o * 2 + r] * a.set.matrices[1].a[r * 4 + i];
            }
            CHECK(y == doctest::Approx(8.0 * b2[o] * a2[i])); // alpha 8, rank 1
        }
    }
}

TEST_CASE("files that are no adapter are refused") {
    const test_folder folder;
    const std::string text = folder.write("text.gguf", "hello, this is no GGUF file at all");
    CHECK(error_of([&] { load_lora(text); }).find(text + " is not a GGUF file.") == 0);
    const std::string base = write_base(folder, GGML_TYPE_F32, std::vector<float>(64 * 32));
    CHECK(error_of([&] { load_lora(base); }).find("is not a LoRA adapter") != std::string::npos);
    save_lora(folder / "a.gguf", an_adapter(), lora_type::f32);
    const std::string whole = content_of(folder / "a.gguf");
    const std::string cut   = folder.write("cut.gguf", whole.substr(0, whole.size() - 100));
    CHECK(error_of([&] { load_lora(cut); }).find("cut.gguf") != std::string::npos);
}

TEST_CASE("merging adds scale B A, and leaves the rest alone") {
    const test_folder  folder;
    std::vector<float> w(64 * 32);
    fill(w, 9);
    const lora_adapter a = an_adapter();
    save_lora(folder / "a.gguf", a, lora_type::f32);
    const auto expected = [&](double scale) {
        std::vector<double> sum(w.begin(), w.end());
        for (int o = 0; o < 32; ++o) {
            for (int i = 0; i < 64; ++i) {
                for (int r = 0; r < 3; ++r) {
                    sum[o * 64 + i] += scale * 2 * a.set.matrices[0].b[o * 3 + r] * a.set.matrices[0].a[r * 64 + i];
                }
            }
        }
        return sum;
    };
    const std::string base = write_base(folder, GGML_TYPE_F32, w);
    const auto        done = merge_lora(base, folder / "a.gguf", 1, merge_type::base, folder / "m.gguf");
    CHECK(done.n_matrices == 1);
    const gguf_reader merged(folder / "m.gguf");
    const auto        values = merged.values(merged.find("blk.0.attn_q.weight"));
    const auto        sum    = expected(1);
    for (size_t i = 0; i < values.size(); ++i) {
        CHECK(values[i] == doctest::Approx(sum[i]).epsilon(1e-5));
    }
    CHECK(merged.values(merged.find("blk.0.attn_norm.weight")) == std::vector<float>(64, 1.5f));
    CHECK(merged.text("general.architecture") == "llama");
    CHECK(merged.text("magnet.instruction") == "Find: ");
    CHECK(gguf_get_arr_n(merged.meta(), gguf_find_key(merged.meta(), "tokenizer.ggml.tokens")) == 6);

    merge_lora(base, folder / "a.gguf", 0.5f, merge_type::bf16, folder / "h.gguf");
    const gguf_reader half(folder / "h.gguf");
    CHECK(gguf_get_tensor_type(half.meta(), half.find("blk.0.attn_q.weight")) == GGML_TYPE_BF16);
    const auto rounded = half.values(half.find("blk.0.attn_q.weight"));
    const auto less    = expected(0.5);
    for (size_t i = 0; i < rounded.size(); ++i) {
        CHECK(std::fabs(rounded[i] - less[i]) <= std::fabs(less[i]) / 256 + 1e-6); // 8 bits of mantissa
    }

    write_base(folder, GGML_TYPE_Q8_0, w);
    merge_lora(base, folder / "a.gguf", 1, merge_type::base, folder / "q.gguf");
    const gguf_reader quantised(folder / "q.gguf");
    CHECK(gguf_get_tensor_type(quantised.meta(), quantised.find("blk.0.attn_q.weight")) == GGML_TYPE_Q8_0);
    const auto close = quantised.values(quantised.find("blk.0.attn_q.weight"));
    for (size_t i = 0; i < close.size(); ++i) {
        CHECK(std::fabs(close[i] - sum[i]) < 0.1); // two roundings to 1/127 of a block's largest
    }
}

TEST_CASE("what cannot be merged is said, and nothing is written") {
    const test_folder  folder;
    std::vector<float> w(64 * 32, 0.1f);
    const std::string  base    = write_base(folder, GGML_TYPE_F32, w);
    lora_adapter       a       = an_adapter();
    const auto         message = [&] {
        save_lora(folder / "a.gguf", a, lora_type::f32);
        return error_of([&] { merge_lora(base, folder / "a.gguf", 1, merge_type::base, folder / "m.gguf"); });
    };
    a.arch = "qwen2";
    CHECK(message().find("was trained for architecture \"qwen2\", the model is \"llama\". Nothing was written.") !=
          std::string::npos);
    a                        = an_adapter();
    a.set.matrices[0].target = "blk.7.attn_q.weight";
    CHECK(message().find("adapts blk.7.attn_q.weight [32, 64]") != std::string::npos);
    a                       = an_adapter();
    a.set.matrices[0].n_in  = 32;
    a.set.matrices[0].n_out = 64;
    a.set.matrices[0].a.resize(3 * 32);
    a.set.matrices[0].b.resize(64 * 3);
    CHECK(message().find("in another size") != std::string::npos);
    save_lora(folder / "a.gguf", an_adapter(), lora_type::f32);
    CHECK(error_of([&] {
              merge_lora(base, folder / "a.gguf", 1, merge_type::base, base);
          }).find("would destroy the model") != std::string::npos);
    CHECK(error_of([&] {
              merge_lora(base, folder / "a.gguf", NAN, merge_type::base, folder / "m.gguf");
          }) == "scale is nan; it must be finite.");
    CHECK_FALSE(std::filesystem::exists(folder / "m.gguf"));
}

TEST_CASE("tokens that an adapter speaks of are the model's") {
    const test_folder folder;
    const std::string base = write_base(folder, GGML_TYPE_F32, std::vector<float>(64 * 32, 0.1f));
    lora_adapter      a    = an_adapter();
    for (int32_t * token : {&a.how.token_mask, &a.how.token_end}) {
        const int32_t before = std::exchange(*token, 6);
        save_lora(folder / "a.gguf", a, lora_type::f32);
        const std::string message = error_of([&] { merge_lora(base, folder / "a.gguf", 1, merge_type::f16, folder / "m.gguf"); });
        CHECK(message.find("speaks of token 6, " + base + " has 6") != std::string::npos);
        CHECK_FALSE(std::filesystem::exists(folder / "m.gguf"));
        *token = before;
    }
}

TEST_CASE("a merged model holds numbers, or it is not written") {
    const test_folder  folder;
    std::vector<float> w(64 * 32, 0.1f);
    const std::string  base   = write_base(folder, GGML_TYPE_F32, w);
    const auto         fault  = [&](float scale, merge_type type) {
        return error_of([&] { merge_lora(base, folder / "a.gguf", scale, type, folder / "m.gguf"); });
    };
    const auto refuses = [&](float scale, merge_type type, const char * reason) {
        const std::string message = fault(scale, type);
        INFO("message: ", message);
        CHECK(message.find("blk.0.attn_q.weight") != std::string::npos);
        CHECK(message.find(reason) != std::string::npos);
        CHECK_FALSE(std::filesystem::exists(folder / "m.gguf"));
        CHECK_FALSE(std::filesystem::exists(folder / "m.gguf.tmp"));
    };
    save_lora(folder / "a.gguf", an_adapter(), lora_type::f32);
    for (const merge_type type : {merge_type::base, merge_type::f32, merge_type::f16, merge_type::bf16}) {
        refuses(3e38f, type, "the scale, 3e+38, is too large");
    }
    refuses(1e30f, merge_type::f16, "too large for f16. Merge to bf16 or f32");
    CHECK(fault(1e30f, merge_type::f32).empty()); // large, but numbers
    std::filesystem::remove(folder / "m.gguf");
    CHECK(fault(1e30f, merge_type::bf16).empty());
    std::filesystem::remove(folder / "m.gguf");

    lora_adapter damaged               = an_adapter();
    damaged.set.matrices[0].b[7]       = NAN;
    save_lora(folder / "a.gguf", damaged, lora_type::f32);
    refuses(1.0f, merge_type::f32, "is damaged");

    save_lora(folder / "a.gguf", an_adapter(), lora_type::f32);
    for (const ggml_type stored : {GGML_TYPE_Q8_0, GGML_TYPE_Q4_1}) { // whose blocks have a scale in F16
        write_base(folder, stored, w);
        refuses(1e30f, merge_type::base, "too large for q");
    }
}

TEST_CASE("an adapter beyond the range of F16 is written in F32") {
    const test_folder folder;
    lora_adapter      a      = an_adapter();
    a.set.matrices[0].b[3]   = 70000.0f;
    save_lora(folder / "a.gguf", a, lora_type::f16);
    const lora_adapter read = load_lora(folder / "a.gguf");
    CHECK(read.set.matrices[0].b == a.set.matrices[0].b);
    CHECK(read.set.matrices[0].a == a.set.matrices[0].a);
}

TEST_CASE("a recipe that cannot be is refused") {
    const auto read = [](const std::string & key, const std::string & value) {
        return error_of([&] {
            read_recipe([&](const std::string & k, std::string & v) {
                const std::map<std::string, std::string> sound = {{"magnet.recipe.version", "1"}, {"magnet.instruction", ""},
                                                                  {"magnet.pooling", "mean"},
                                                                  {"magnet.attention", "causal"}, {"magnet.infill.context", "left"}};
                v = k == key ? value : sound.count(k) ? sound.at(k) : "";
                return k == key || sound.count(k) > 0;
            });
        });
    };
    CHECK(read("magnet.pooling", "median") == "magnet.pooling is \"median\"; known are last, mean, weighted-mean.");
    CHECK(read("magnet.token.end", "two") == "magnet.token.end is \"two\", not a number >= -1.");
    CHECK(read("magnet.infill.open_room", "-1") == "magnet.infill.open_room is \"-1\", not a number >= 0.");
    CHECK(read("magnet.recipe.version", "9").find("use a newer one") != std::string::npos);
    CHECK(read("magnet.pooling", "last").empty());
}
