// Files that cannot be loaded: models and adapters, each with a message that says what and why.
#include "api.h"
#include "gguf_file.h"
#include "model/recipe.h"
#include "reference_model.h"

#include "gguf.h"

#include <cmath>

using namespace magnet::testing;

namespace {

void check_load_fails(const std::string & path, int32_t status, std::initializer_list<const char *> words,
                      const magnet_model_params * params = nullptr) {
    magnet_model * m = nullptr;
    INFO("file: ", path);
    check_fails(magnet_model_load(path.c_str(), params, &m), status, words);
    CHECK(m == nullptr);
    magnet_model_free(m);
}

void check_adapter_fails(const model_ptr & model, const std::string & path, int32_t status,
                         std::initializer_list<const char *> words) {
    magnet_adapter * a = nullptr;
    INFO("file: ", path);
    check_fails(magnet_adapter_load(model.get(), path.c_str(), &a), status, words);
    CHECK(a == nullptr);
    magnet_adapter_free(a);
}

magnet::lora_set tiny_lora(const char * architecture = "llama", uint32_t seed = 1) {
    const std::string path = golden(std::string("tiny-") + architecture + ".gguf");
    return random_lora(reference_model(path).targets(), 4, 1.0f, seed);
}

} // namespace

TEST_CASE("model file: not there, no file, not GGUF") {
    const std::string missing = scratch_path("missing.gguf");
    check_load_fails(missing, MAGNET_STATUS_IO, {missing.c_str(), "No such file"});
    check_load_fails("", MAGNET_STATUS_IO, {"the name of the file to read is empty"});
    check_load_fails(golden(""), MAGNET_STATUS_IO, {"directory"});

    for (const std::string & bytes : {std::string(), std::string("G"), std::string("GGU"), std::string("GGML...."),
                                      std::string("PK\3\4"), std::string(100000, '\0')}) {
        const std::string path = scratch_path("other.bin");
        write_file(path, bytes);
        check_load_fails(path, MAGNET_STATUS_BAD_FILE, {path.c_str(), "GGUF"});
    }
}

TEST_CASE("model file: a number of layers for the GPU that is none") {
    magnet_model_params p = magnet_model_default_params();
    p.n_gpu_layers        = -5;
    check_load_fails(golden("tiny-llama.gguf"), MAGNET_STATUS_INVALID_ARGUMENT, {"n_gpu_layers is -5", "-1 for all"}, &p);
}

TEST_CASE("model file: cut off anywhere") {
    const std::string whole = read_file(golden("tiny-llama.gguf"));
    const std::string path  = scratch_path("cut.gguf");
    REQUIRE(whole.size() > 100000);

    // dense where the metadata is, then in steps that meet every tensor, and just before the end
    std::vector<size_t> sizes;
    for (size_t n = 4; n < whole.size(); n += n < 12000 ? 37 : 4099) {
        sizes.push_back(n);
    }
    sizes.insert(sizes.end(), {5, 8, 12, 16, 20, 23, 24, 25, whole.size() - 4096, whole.size() - 1});
    for (const size_t n : sizes) {
        INFO("cut to ", n, " of ", whole.size(), " bytes");
        write_file(path, whole.substr(0, n));
        check_load_fails(path, MAGNET_STATUS_BAD_FILE, {path.c_str(), "truncated"});
    }
    write_file(path, whole);
    CHECK(info_of(load_model(path)).n_vocab == 264);
}

TEST_CASE("model file: sizes in the header that cannot be") {
    const std::string whole = read_file(golden("tiny-llama.gguf"));
    const std::string path  = scratch_path("sizes.gguf");
    for (const size_t offset : {8, 16}) { // number of tensors, of metadata keys
        for (const uint64_t n : {~uint64_t(0), uint64_t(1) << 63, uint64_t(1) << 40, uint64_t(100000000)}) {
            std::string bytes = whole;
            bytes.replace(offset, 8, std::string(reinterpret_cast<const char *>(&n), 8));
            write_file(path, bytes);
            check_load_fails(path, MAGNET_STATUS_BAD_FILE, {path.c_str()});
        }
    }
}

TEST_CASE("model file: architectures that are none of ours") {
    const std::string bert = scratch_path("bert.gguf");
    write_encoder(bert);
    check_load_fails(bert, MAGNET_STATUS_UNSUPPORTED, {bert.c_str(), "\"bert\"", "decoder"});

    const std::string mamba = scratch_path("mamba.gguf");
    write_mamba(mamba);
    const auto recurrent = load_model(mamba);
    CHECK(!info_of(recurrent).can_embed_bidirectional);
    CHECK(!info_of(recurrent).can_infill);
    for (const int32_t engine : {MAGNET_ENGINE_AUTO, MAGNET_ENGINE_FUSED, MAGNET_ENGINE_GRAPH}) {
        check_fails(magnet_model_check_training(recurrent.get(), engine), MAGNET_STATUS_UNSUPPORTED, {"mamba"});
    }
    check_fails(magnet_model_check_training(recurrent.get(), 3), MAGNET_STATUS_INVALID_ARGUMENT, {"engine", "3"});
    check_fails(magnet_model_check_training(nullptr, 0), MAGNET_STATUS_INVALID_ARGUMENT, {"model"});
    const auto gpt2 = load_model(golden("tiny-gpt2.gguf"));
    require_ok(magnet_model_check_training(gpt2.get(), MAGNET_ENGINE_AUTO));
    require_ok(magnet_model_check_training(gpt2.get(), MAGNET_ENGINE_GRAPH));
    check_fails(magnet_model_check_training(gpt2.get(), MAGNET_ENGINE_FUSED), MAGNET_STATUS_UNSUPPORTED, {"gpt2"});
    const auto          session = make_session(recurrent);
    const magnet_text   text    = { "abc", 3 };
    std::vector<float>  vector(info_of(recurrent).n_embd);
    magnet_embed_params embed = magnet_embed_default_params();
    check_fails(magnet_embed(session.get(), &text, 1, &embed, vector.data(), int32_t(vector.size()), nullptr),
                MAGNET_STATUS_UNSUPPORTED, {"\"mamba\"", "bidirectional"});
    embed.attention = MAGNET_ATTENTION_CAUSAL;
    check_fails(magnet_embed(session.get(), &text, 1, &embed, vector.data(), int32_t(vector.size()), nullptr),
                MAGNET_STATUS_UNSUPPORTED, {"\"mamba\"", "embed"});
    magnet_part parts[2] = {};
    parts[0].type        = MAGNET_PART_TEXT;
    parts[0].text        = text;
    parts[1].type        = MAGNET_PART_GAP;
    magnet_infill_params infill = magnet_infill_default_params();
    for (const int32_t context : {MAGNET_CONTEXT_HYBRID, MAGNET_CONTEXT_ORDERED}) {
        infill.context         = context;
        magnet_result * result = nullptr;
        check_fails(magnet_infill(session.get(), parts, 2, &infill, &result), MAGNET_STATUS_UNSUPPORTED,
                    {"\"mamba\"", "right of a gap"});
    }

    const std::string unknown = scratch_path("unknown.gguf");
    copy_gguf(golden("tiny-llama.gguf"), unknown,
              [](gguf_context * gguf) { gguf_set_val_str(gguf, "general.architecture", "foobar"); });
    check_load_fails(unknown, MAGNET_STATUS_UNSUPPORTED, {unknown.c_str(), "foobar"});

    const std::string nameless = scratch_path("nameless.gguf");
    copy_gguf(golden("tiny-llama.gguf"), nameless,
              [](gguf_context * gguf) { gguf_remove_key(gguf, "general.architecture"); });
    check_load_fails(nameless, MAGNET_STATUS_UNSUPPORTED, {nameless.c_str()});

    const std::string other = scratch_path("other-architecture.gguf");
    copy_gguf(golden("tiny-llama.gguf"), other,
              [](gguf_context * gguf) { gguf_set_val_str(gguf, "general.architecture", "qwen3"); });
    check_load_fails(other, MAGNET_STATUS_UNSUPPORTED, {other.c_str(), "qwen3"});
}

TEST_CASE("model file: vectors of another width than the model's own, which nothing makes") {
    const std::string path = scratch_path("width.gguf");
    copy_gguf(golden("tiny-llama.gguf"), path,
              [](gguf_context * gguf) { gguf_set_val_u32(gguf, "llama.embedding_length_out", 1000); });
    const auto model = load_model(path);
    check_fails(magnet_model_check_training(model.get(), MAGNET_ENGINE_FUSED), MAGNET_STATUS_UNSUPPORTED,
                {"llama.embedding_length_out"});
    const magnet_text  text = {"abc", 3};
    std::vector<float> vector(info_of(model).n_embd);
    for (const int32_t engine : {MAGNET_ENGINE_AUTO, MAGNET_ENGINE_GRAPH}) {
        magnet_session_params p = session_params();
        p.engine                = engine;
        const auto    session   = make_session(model, p);
        const int32_t status    = magnet_embed(session.get(), &text, 1, nullptr, vector.data(), int64_t(vector.size()), nullptr);
        CAPTURE(magnet_last_error());
        CHECK(status != MAGNET_STATUS_OK);
        CHECK(status != MAGNET_STATUS_INTERNAL);
    }
}

TEST_CASE("model file: metadata that llama.cpp needs is missing") {
    const std::string path = scratch_path("incomplete.gguf");
    for (const char * key : {"llama.embedding_length", "llama.block_count", "llama.attention.layer_norm_rms_epsilon"}) {
        copy_gguf(golden("tiny-llama.gguf"), path, [&](gguf_context * gguf) { gguf_remove_key(gguf, key); });
        check_load_fails(path, MAGNET_STATUS_UNSUPPORTED, {path.c_str(), key});
    }
    copy_gguf(golden("tiny-llama.gguf"), path,
              [](gguf_context * gguf) { gguf_remove_key(gguf, "tokenizer.ggml.tokens"); });
    check_load_fails(path, MAGNET_STATUS_UNSUPPORTED, {path.c_str(), "vocab"});
    copy_gguf(golden("tiny-llama.gguf"), path, [&](gguf_context * gguf) {
        gguf_set_val_str(gguf, "tokenizer.ggml.model", "none");
        gguf_remove_key(gguf, "tokenizer.ggml.tokens");
    });
    check_load_fails(path, MAGNET_STATUS_UNSUPPORTED, {path.c_str(), "vocabulary"});
}

TEST_CASE(
    "model file: a weight that is not a number is found when it is looked for, and at the latest when it is used") {
    const std::string path  = scratch_path("nan.gguf");
    std::string       bytes = read_file(golden("tiny-llama.gguf"));
    const float       nan   = NAN;
    bytes.replace(bytes.size() - 4000, 4, std::string(reinterpret_cast<const char *>(&nan), 4)); // in the last matrix
    write_file(path, bytes);

    magnet_model_params p = magnet_model_default_params();
    p.check_tensors       = true;
    check_load_fails(path, MAGNET_STATUS_UNSUPPORTED, {path.c_str(), "invalid"}, &p);

    const model_ptr   model   = load_model(path);
    const session_ptr session = make_session(model);
    magnet_result *   r       = nullptr;
    const magnet_part parts[] = {given("a"), gap(2), given("b")};
    check_fails(magnet_generate(session.get(), text("abc"), nullptr, &r), MAGNET_STATUS_BAD_FILE, {"not a number"});
    check_fails(magnet_infill(session.get(), parts, 3, nullptr, &r), MAGNET_STATUS_BAD_FILE, {"not a number"});
}

namespace {

// Every verb that gives out what the model computes says that it is no number, and the session stays usable.
void check_no_numbers(const session_ptr & session, int32_t width) {
    const magnet_text            texts[]  = {text("abc"), text("some more of it")};
    const std::vector<int32_t>   tokens   = {5, 6, 7};
    const magnet_part            parts[]  = {given("a"), filled("b")};
    const magnet_score_item      item     = {parts, 2};
    std::vector<float>           out(2 * size_t(width) * 64);
    int32_t                      n        = 0;
    for (const bool normalize : {true, false}) {
        magnet_embed_params p = magnet_embed_default_params();
        p.normalize           = normalize;
        for (const int32_t pooling : {MAGNET_POOLING_LAST, MAGNET_POOLING_MEAN, MAGNET_POOLING_WEIGHTED_MEAN}) {
            p.pooling = pooling;
            check_fails(magnet_embed(session.get(), texts, 2, &p, out.data(), int64_t(out.size()), nullptr),
                        MAGNET_STATUS_BAD_FILE, {"not a number", "scale"});
            check_fails(magnet_embed_token_ids(session.get(), tokens.data(), 3, &p, out.data(), width),
                        MAGNET_STATUS_BAD_FILE, {"not a number"});
        }
        check_fails(magnet_embed_tokens(session.get(), texts[0], &p, out.data(), nullptr, 64, &n), MAGNET_STATUS_BAD_FILE,
                    {"not a number"});
    }
    magnet_result * r = nullptr;
    check_fails(magnet_score(session.get(), &item, 1, nullptr, &r), MAGNET_STATUS_BAD_FILE, {"not a number"});
}

// The golden model with one value of a tensor changed.
std::string damaged(const std::string & tensor, float value) {
    const std::string path  = scratch_path("damaged.gguf");
    std::string       bytes = read_file(golden("tiny-llama.gguf"));
    gguf_context *    gguf  = gguf_init_from_file(golden("tiny-llama.gguf").c_str(), {true, nullptr});
    REQUIRE(gguf);
    const int64_t id = gguf_find_tensor(gguf, tensor.c_str());
    REQUIRE(id >= 0);
    bytes.replace(gguf_get_data_offset(gguf) + gguf_get_tensor_offset(gguf, id), 4,
                  std::string(reinterpret_cast<const char *>(&value), 4));
    gguf_free(gguf);
    write_file(path, bytes);
    return path;
}

} // namespace

TEST_CASE("vectors and scores that are no numbers fail their call, whatever engine made them") {
    for (const int32_t engine : {MAGNET_ENGINE_FUSED, MAGNET_ENGINE_GRAPH}) {
        INFO("engine ", engine);
        magnet_session_params sp = session_params();
        sp.engine                = engine;
        for (const float value : {NAN, INFINITY}) {
            const model_ptr model = load_model(damaged("output_norm.weight", value));
            check_no_numbers(make_session(model, sp), info_of(model).n_embd);
        }

        const model_ptr   model   = load_tiny();
        const session_ptr session = make_session(model, sp);
        const std::string path    = scratch_path("strong.gguf");
        write_adapter(path, "llama", tiny_lora(), 4.0f);
        const adapter_ptr adapter = load_adapter(model, path);
        magnet_adapter *  list[]  = {adapter.get()};
        const float       scale   = 1e30f;
        require_ok(magnet_session_set_adapters(session.get(), list, &scale, 1));
        check_no_numbers(session, info_of(model).n_embd);

        require_ok(magnet_session_set_adapters(session.get(), nullptr, nullptr, 0));
        std::vector<float> vector(size_t(info_of(model).n_embd));
        const magnet_text  abc = text("abc");
        require_ok(magnet_embed(session.get(), &abc, 1, nullptr, vector.data(), int64_t(vector.size()), nullptr));
    }
}

TEST_CASE("vectors of any size are normalised") {
    const model_ptr       model = load_model(damaged("output_norm.weight", 1e25f)); // whose square is no float
    magnet_session_params sp    = session_params();
    sp.engine                   = MAGNET_ENGINE_GRAPH;
    const session_ptr  session  = make_session(model, sp);
    std::vector<float> v(size_t(info_of(model).n_embd));
    const magnet_text  abc = text("abc");
    require_ok(magnet_embed(session.get(), &abc, 1, nullptr, v.data(), int64_t(v.size()), nullptr));
    double norm = 0.0;
    for (const float x : v) {
        norm += double(x) * x;
    }
    CHECK(std::fabs(norm - 1.0) < 1e-5);
}

TEST_CASE("model file: numbers that no model has") {
    const std::string path = scratch_path("numbers.gguf");
    const auto        refused = [&](const std::string & model, std::initializer_list<const char *> words,
                             const std::function<void(gguf_context *)> & edit) {
        copy_gguf(golden("tiny-" + model + ".gguf"), path, edit);
        check_load_fails(path, MAGNET_STATUS_BAD_FILE, words);
    };
    for (const float base : {0.0f, -1.0f}) {
        refused("llama", {"llama.rope.freq_base", "more than 0"},
                [base](gguf_context * gguf) { gguf_set_val_f32(gguf, "llama.rope.freq_base", base); });
    }
    refused("llama", {"tokenizer.chat_template", "unexpected type"},
            [](gguf_context * gguf) { gguf_set_val_u32(gguf, "tokenizer.chat_template", 1); });
    struct integer {
        const char * model;
        const char * key;
        uint32_t     value;
        const char * shown;
    };
    for (const integer & i : {integer{"llama", "llama.block_count", 0, "is 0"},
                              {"llama", "llama.block_count", 100000, "is 100000"},
                              {"llama", "llama.expert_count", 100000, "is 100000"},
                              {"llama", "llama.context_length", 0, "is 0"},
                              {"llama", "llama.context_length", 0xFFFFFFFF, "is 4294967295"},
                              {"llama", "llama.pooling_type", 5, "is 5"},
                              {"llama", "llama.expert_gating_func", 5, "is 5"},
                              {"llama", "llama.embedding_length", 0xFFFFFFFF, "is 4294967295"},
                              {"gpt2", "gpt2.embedding_length_out", 1u << 31, "is 2147483648"},
                              {"qwen2", "qwen2.rope.dimension_count", 7, "is 7"},
                              {"gemma2", "gemma2.rope.dimension_count", 100000, "is 100000"},
                              {"phi3", "phi3.rope.dimension_count", 0, "is 0"}}) {
        INFO(i.key, " = ", i.value);
        refused(i.model, {path.c_str(), i.key, i.shown}, [&](gguf_context * g) { gguf_set_val_u32(g, i.key, i.value); });
    }
    for (const float value : {NAN, -1e-5f, INFINITY}) {
        const char * const key = "llama.attention.layer_norm_rms_epsilon";
        refused("llama", {path.c_str(), key}, [&](gguf_context * g) { gguf_set_val_f32(g, key, value); });
    }
    refused("llama", {path.c_str(), "llama.rope.freq_base", "finite"},
            [](gguf_context * g) { gguf_set_val_f32(g, "llama.rope.freq_base", NAN); });
}

TEST_CASE("model file: weights of a type that no kernel multiplies") {
    for (const ggml_type type : {GGML_TYPE_Q8_1, GGML_TYPE_I16, GGML_TYPE_I32}) {
        std::string what = read_file(golden("tiny-llama.gguf"));
        // the head's tensor info: its name, its dimensions, then its type
        const std::string name = "output.weight";
        const size_t      at   = what.find(std::string("\x0d\0\0\0\0\0\0\0", 8) + name) + 8 + name.size() + 4 + 2 * 8;
        const int32_t     code = type;
        what.replace(at, sizeof(code), reinterpret_cast<const char *>(&code), sizeof(code));
        const std::string path = scratch_path("types.gguf");
        write_file(path, what);
        INFO(ggml_type_name(type));
        check_load_fails(path, MAGNET_STATUS_BAD_FILE, {path.c_str(), "output.weight"});
    }
}

TEST_CASE("model file: a longest text as long as numbers go is no reason to allocate it") {
    const std::string path = scratch_path("long.gguf");
    copy_gguf(golden("tiny-phi3.gguf"), path,
              [](gguf_context * g) { gguf_set_val_u32(g, "phi3.context_length", INT32_MAX); });
    const session_ptr session = make_session(load_model(path));
    CHECK(generate(session, "abc", greedy(2))->spans[0].n_tokens == 2);
}

TEST_CASE("model file: a vocabulary that is not what it says") {
    const std::string path  = scratch_path("vocabulary.gguf");
    const auto        tokens = [&](gguf_context * g, const std::function<void(std::vector<std::string> &)> & edit) {
        const int64_t            id = gguf_find_key(g, "tokenizer.ggml.tokens");
        std::vector<std::string> list;
        for (size_t i = 0; i < gguf_get_arr_n(g, id); ++i) {
            list.emplace_back(gguf_get_arr_str(g, id, i));
        }
        edit(list);
        std::vector<const char *> pointers;
        for (const std::string & token : list) {
            pointers.push_back(token.c_str());
        }
        gguf_set_arr_str(g, "tokenizer.ggml.tokens", pointers.data(), pointers.size());
    };
    copy_gguf(golden("tiny-qwen2.gguf"), path, [](gguf_context * g) { gguf_set_val_str(g, "tokenizer.ggml.model", "llama"); });
    check_load_fails(path, MAGNET_STATUS_BAD_FILE, {path.c_str(), "tokenizer.ggml.model", "llama"});
    copy_gguf(golden("tiny-llama.gguf"), path, [&](gguf_context * g) {
        tokens(g, [](std::vector<std::string> & list) { list[40] = list[12]; });
    });
    check_load_fails(path, MAGNET_STATUS_BAD_FILE, {path.c_str(), "tokenizer.ggml.tokens", "12", "40"});
    copy_gguf(golden("tiny-llama.gguf"), path, [&](gguf_context * g) {
        tokens(g, [](std::vector<std::string> & list) { list.resize(100); });
    });
    check_load_fails(path, MAGNET_STATUS_UNSUPPORTED, {path.c_str(), "token_embd.weight"});
}

TEST_CASE("model file: loading is cancelled at any step of its progress") {
    int n_calls = 0;
    for (int stop_at = 1; stop_at <= 1000; ++stop_at) {
        struct state {
            int left;
            int calls = 0;
        } s{stop_at};
        magnet_model_params p = magnet_model_default_params();
        p.progress_user_data  = &s;
        p.progress            = [](const magnet_progress *, void * data) {
            auto & s = *static_cast<state *>(data);
            ++s.calls;
            return --s.left > 0;
        };
        magnet_model * m      = nullptr;
        const int32_t  status = magnet_model_load(golden("tiny-llama.gguf").c_str(), &p, &m);
        n_calls               = std::max(n_calls, s.calls);
        if (s.left > 0) { // it had no step left to be stopped at
            require_ok(status);
            magnet_model_free(m);
            break;
        }
        check_fails(status, MAGNET_STATUS_CANCELLED, {"tiny-llama.gguf", "cancelled"});
        CHECK(m == nullptr);
        CHECK(s.calls == stop_at); // not asked again
    }
    CHECK(n_calls >= 2);
}

TEST_CASE("adapter given as model, model given as adapter") {
    const model_ptr   model = load_tiny();
    const std::string path  = scratch_path("adapter.gguf");
    write_adapter(path, "llama", tiny_lora(), 4.0f);
    check_load_fails(path, MAGNET_STATUS_BAD_FILE, {path.c_str(), "adapter"});
    check_adapter_fails(model, golden("tiny-llama.gguf"), MAGNET_STATUS_BAD_FILE,
                        {"tiny-llama.gguf", "not a LoRA adapter"});
}

TEST_CASE("adapter file: not there, not GGUF, cut off, damaged") {
    const model_ptr   model   = load_tiny();
    const std::string missing = scratch_path("missing.gguf");
    check_adapter_fails(model, missing, MAGNET_STATUS_IO, {missing.c_str(), "No such file"});
    check_adapter_fails(model, golden(""), MAGNET_STATUS_IO, {"directory"});

    const std::string path = scratch_path("damaged-adapter.gguf");
    write_file(path, "no such format");
    check_adapter_fails(model, path, MAGNET_STATUS_BAD_FILE, {path.c_str(), "GGUF"});

    write_adapter(path, "llama", tiny_lora(), 4.0f);
    const std::string whole = read_file(path);
    for (size_t n = 4; n < whole.size(); n += n < 3000 ? 61 : 509) {
        INFO("cut to ", n, " of ", whole.size(), " bytes");
        write_file(path, whole.substr(0, n));
        check_adapter_fails(model, path, MAGNET_STATUS_BAD_FILE, {path.c_str(), "truncated"});
    }

    write_adapter(path, "llama", tiny_lora(), 4.0f,
                  [](gguf_context * gguf) { gguf_set_val_u32(gguf, "adapter.lora.alpha", 4); });
    check_adapter_fails(model, path, MAGNET_STATUS_BAD_FILE, {path.c_str(), "alpha"});
    write_adapter(path, "llama", tiny_lora(), 4.0f, [](gguf_context * gguf) {
        magnet::write_recipe(magnet::recipe(), gguf);
        gguf_set_val_str(gguf, "magnet.pooling", "median");
    });
    check_adapter_fails(model, path, MAGNET_STATUS_BAD_FILE, {path.c_str(), "magnet.pooling", "median", "mean"});
}

TEST_CASE("adapter file: numbers that are none, and a recipe that lacks what was trained") {
    const model_ptr   model = load_tiny();
    const std::string path  = scratch_path("hollow-adapter.gguf");
    for (const float nothing : {NAN, INFINITY, -INFINITY}) {
        write_adapter(path, "llama", tiny_lora(), nothing);
        check_adapter_fails(model, path, MAGNET_STATUS_BAD_FILE, {path.c_str(), "adapter.lora.alpha"});
        for (const bool in_a : {true, false}) {
            magnet::lora_set      lora   = tiny_lora();
            magnet::lora_matrix & matrix = lora.matrices.back();
            (in_a ? matrix.a : matrix.b).back() = nothing;
            write_adapter(path, "llama", lora, 4.0f);
            check_adapter_fails(model, path, MAGNET_STATUS_BAD_FILE, {path.c_str(), matrix.target.c_str(), "no finite numbers"});
        }
    }
    for (const char * key : {"magnet.instruction", "magnet.pooling", "magnet.attention", "magnet.infill.context", "magnet.recipe.version"}) {
        write_adapter(path, "llama", tiny_lora(), 4.0f, [key](gguf_context * gguf) {
            magnet::write_recipe(magnet::recipe(), gguf);
            gguf_remove_key(gguf, key);
        });
        check_adapter_fails(model, path, MAGNET_STATUS_BAD_FILE, {path.c_str(), key, "missing"});
    }
    for (const char * key : {"magnet.instruction", "magnet.document_instruction", "magnet.pooling"}) {
        write_adapter(path, "llama", tiny_lora(), 4.0f, [key](gguf_context * gguf) {
            magnet::write_recipe(magnet::recipe(), gguf);
            gguf_set_val_u32(gguf, key, 7);
        });
        check_adapter_fails(model, path, MAGNET_STATUS_BAD_FILE, {path.c_str(), key, "no text"});
    }
    for (const char * key : {"magnet.recipe.version", "magnet.infill.open_room", "magnet.token.end"}) {
        write_adapter(path, "llama", tiny_lora(), 4.0f, [key](gguf_context * gguf) {
            magnet::write_recipe(magnet::recipe(), gguf);
            gguf_set_val_str(gguf, key, "7");
        });
        check_adapter_fails(model, path, MAGNET_STATUS_BAD_FILE, {path.c_str(), key, "not a number"});
    }
    write_adapter(path, "llama", tiny_lora(), 4.0f, [](gguf_context * gguf) { magnet::write_recipe(magnet::recipe(), gguf); });
    CHECK(load_adapter(model, path) != nullptr);
    check_fails(magnet_merge(golden("tiny-llama.gguf").c_str(), path.c_str(), 1.0f, MAGNET_MERGE_BASE, ""), MAGNET_STATUS_INVALID_ARGUMENT,
                {"the name of the file to write is empty"});
}

TEST_CASE("adapter of another model: nothing is loaded, and the model works on") {
    const model_ptr   model = load_tiny();
    const std::string path  = scratch_path("other-adapter.gguf");

    write_adapter(path, "qwen2", tiny_lora("qwen2"), 4.0f);
    check_adapter_fails(model, path, MAGNET_STATUS_MISMATCH, {path.c_str(), "qwen2", "llama"});

    magnet::lora_set wide = tiny_lora();
    for (magnet::lora_matrix & m : wide.matrices) {
        m.n_in *= 2;
        m.a.resize(2 * m.a.size());
    }
    write_adapter(path, "llama", wide, 4.0f);
    check_adapter_fails(model, path, MAGNET_STATUS_MISMATCH, {path.c_str(), "shape"});

    magnet::lora_set deep       = tiny_lora();
    deep.matrices.back().target = "blk.7.ffn_down.weight";
    write_adapter(path, "llama", deep, 4.0f);
    check_adapter_fails(model, path, MAGNET_STATUS_MISMATCH, {path.c_str(), "blk.7.ffn_down.weight"});

    write_adapter(path, "llama", tiny_lora(), 4.0f, [](gguf_context * gguf) {
        magnet::write_recipe(magnet::recipe(), gguf);
        gguf_set_val_i32(gguf, "magnet.token.end", 264);
    });
    check_adapter_fails(model, path, MAGNET_STATUS_MISMATCH, {path.c_str(), "264"});

    const session_ptr session = make_session(model);
    CHECK(generate(session, "abc", greedy(3))->n_generated_tokens == 3);
}

TEST_CASE("adapter of another load of the same file: refused by the session") {
    const std::string path = scratch_path("adapter.gguf");
    write_adapter(path, "llama", tiny_lora(), 4.0f);
    const model_ptr   model = load_tiny(), other = load_tiny();
    const adapter_ptr adapter = load_adapter(other, path);
    const session_ptr session = make_session(model);
    magnet_adapter *  list[]  = {adapter.get()};
    check_fails(magnet_session_set_adapters(session.get(), list, nullptr, 1), MAGNET_STATUS_MISMATCH, {path.c_str()});
    CHECK(generate(session, "abc", greedy(3))->n_generated_tokens == 3);
}
