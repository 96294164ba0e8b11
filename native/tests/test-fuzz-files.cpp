// Damaged models and adapters: each call on one returns a status, and no file ends the process, hangs it or fills its
// memory.
#include "api.h"
#include "fuzz_files.h"
#include "gguf_file.h"
#include "gguf_mutator.h"
#include "reference_model.h"

#include <algorithm>

using namespace magnet::testing;

namespace {

void use_session(magnet_model * model, magnet_adapter * adapter, int32_t engine, fuzz_report & out) {
    magnet_session *      session = nullptr;
    magnet_session_params p       = session_params();
    p.engine                      = engine;
    if (seen(out, "session", magnet_session_create(model, &p, &session)) != MAGNET_STATUS_OK) {
        return;
    }
    const session_ptr owner(session);
    if (adapter && seen(out, "set_adapters", magnet_session_set_adapters(session, &adapter, nullptr, 1)) != MAGNET_STATUS_OK) {
        return;
    }
    magnet_model_info info = {};
    magnet_model_get_info(model, &info);
    std::vector<float> vectors(size_t(2) * size_t(std::clamp(info.n_embd, 1, 4096)));
    const magnet_text  texts[] = {text("the cat sat"), text("a dog")};
    seen(out, "embed", magnet_embed(session, texts, 2, nullptr, vectors.data(), int64_t(vectors.size()), nullptr));

    magnet_generate_params g      = magnet_generate_default_params();
    magnet_result *        result = nullptr;
    g.max_tokens                  = 3;
    if (seen(out, "generate", magnet_generate(session, text("the cat"), &g, &result)) == MAGNET_STATUS_OK) {
        ++out.n_used;
    }
    magnet_result_free(result);

    const magnet_part    parts[] = {given("the cat "), gap(2), given(" the mat")};
    magnet_infill_params i       = magnet_infill_default_params();
    result                       = nullptr;
    seen(out, "infill", magnet_infill(session, parts, 3, &i, &result));
    magnet_result_free(result);
}

void use_texts(magnet_model * model, fuzz_report & out) {
    int32_t              n = 0;
    std::vector<int32_t> tokens(200);
    std::vector<char>    buffer(8000);
    seen(out, "tokenize", magnet_tokenize(model, text("the cat \xC3\xA9\xF0\x9F\x98\x80 <s>\n\x01"), true, true, tokens.data(), 200, &n));
    seen(out, "detokenize", magnet_detokenize(model, tokens.data(), std::clamp(n, 0, 200), true, buffer.data(), 8000, &n));
    const magnet_message message = {"user", text("hello"), nullptr, nullptr};
    seen(out, "chat_prompt", magnet_chat_prompt(model, &message, 1, nullptr, true, buffer.data(), 8000, &n));
    for (int32_t i = 0; i < magnet_model_meta_count(model); ++i) {
        seen(out, "meta_value", magnet_model_meta_value(model, i, buffer.data(), 8000, &n));
    }
}

void use_model(const std::string & path, fuzz_report & out) {
    magnet_model *      model = nullptr;
    magnet_model_params p     = magnet_model_default_params();
    p.use_mmap                = out.seed % 2 == 0;
    p.check_tensors           = out.seed % 5 == 0;
    if (seen(out, "model_load", magnet_model_load(path.c_str(), &p, &model)) != MAGNET_STATUS_OK) {
        return;
    }
    const model_ptr owner(model);
    ++out.n_loaded;
    use_texts(model, out);
    use_session(model, nullptr, MAGNET_ENGINE_AUTO, out);
    if (out.seed % 4 == 0) {
        use_session(model, nullptr, MAGNET_ENGINE_GRAPH, out);
    }
    if (out.seed % 16 == 0) {
        seen(out, "check_training", magnet_model_check_training(model, int32_t(out.seed / 16 % 3)));
    }
}

void use_adapter(magnet_model * model, const std::string & path, fuzz_report & out) {
    magnet_adapter * adapter = nullptr;
    if (seen(out, "adapter_load", magnet_adapter_load(model, path.c_str(), &adapter)) != MAGNET_STATUS_OK) {
        return;
    }
    const adapter_ptr owner(adapter);
    ++out.n_loaded;
    magnet_adapter_info info = {};
    seen(out, "adapter_info", magnet_adapter_get_info(adapter, &info));
    use_session(model, adapter, out.seed % 2 == 0 ? MAGNET_ENGINE_AUTO : MAGNET_ENGINE_GRAPH, out);
}

// Of a sound GGUF file.
std::function<std::string(uint32_t, std::string &)> damages_of(const std::string & sound) {
    return [parts = gguf_parts::parse(read_file(sound))](uint32_t seed, std::string & what) { return damaged(parts, seed, what); };
}

void fuzz_model(const std::string & name) {
    const std::string sound = golden("tiny-" + name + ".gguf"), path = scratch_path("damaged.gguf");
    fuzz({sound, path, damages_of(sound), [path](fuzz_report & out) { use_model(path, out); }});
}

} // namespace

TEST_CASE("damaged models: llama") { fuzz_model("llama"); }
TEST_CASE("damaged models: qwen2") { fuzz_model("qwen2"); }
TEST_CASE("damaged models: qwen3") { fuzz_model("qwen3"); }
TEST_CASE("damaged models: gemma2") { fuzz_model("gemma2"); }
TEST_CASE("damaged models: gpt2") { fuzz_model("gpt2"); }
TEST_CASE("damaged models: phi3") { fuzz_model("phi3"); }

TEST_CASE("damaged adapters") {
    const std::string     path = scratch_path("sound-adapter.gguf"), base = golden("tiny-llama.gguf");
    const reference_model shapes(base);
    write_adapter(path, "llama", random_lora(shapes.targets(), 2, 1.0f, 1), 2.0f);
    const std::string damaged_path = scratch_path("damaged-adapter.gguf");
    model_ptr         model;
    fuzz({path, damaged_path, damages_of(path), [&](fuzz_report & out) { use_adapter(model.get(), damaged_path, out); },
          [&] { model = load_model(base); }});
}
