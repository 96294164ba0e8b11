// Adapters in use: both engines compute with what the file held when it was loaded, whatever becomes of the file.
#include "api.h"
#include "gguf_file.h"
#include "reference_model.h"

#include <cmath>
#include <filesystem>

using namespace magnet::testing;

namespace {

constexpr int32_t engines[] = {MAGNET_ENGINE_FUSED, MAGNET_ENGINE_GRAPH};

magnet::lora_set blocks_lora(uint32_t seed) {
    return random_lora(reference_model(golden("tiny-llama.gguf")).targets(), 4, 1.0f, seed);
}

// Of the output head alone, which the golden llama has apart from its embeddings.
magnet::lora_set head_lora(const magnet_model_info & info) {
    magnet::lora_matrix head;
    head.target = "output.weight";
    head.n_in   = info.n_embd;
    head.n_out  = info.n_vocab;
    return random_lora({head}, 2, 1.0f, 5);
}

std::string adapter_file(const char * name, const magnet::lora_set & lora) {
    const std::string path = scratch_path(name);
    write_adapter(path, "llama", lora, 4.0f);
    return path;
}

session_ptr session_on(const model_ptr & model, int32_t engine) {
    magnet_session_params p = session_params();
    p.engine                = engine;
    return make_session(model, p);
}

int32_t use(const session_ptr & session, std::vector<magnet_adapter *> list, std::vector<float> scales) {
    return magnet_session_set_adapters(session.get(), list.data(), scales.data(), (int32_t)list.size());
}

int32_t try_embed(const session_ptr & session, std::vector<float> & vector) {
    const magnet_text t = text("some words to embed");
    vector.assign(32, 0.0f);
    return magnet_embed(session.get(), &t, 1, nullptr, vector.data(), 32, nullptr);
}

std::vector<float> embed(const session_ptr & session) {
    std::vector<float> vector;
    require_ok(try_embed(session, vector));
    return vector;
}

double largest_difference(const std::vector<float> & a, const std::vector<float> & b) {
    double largest = 0.0;
    for (size_t i = 0; i < a.size(); ++i) {
        largest = std::max(largest, (double)std::fabs(a[i] - b[i]));
    }
    return largest;
}

} // namespace

TEST_CASE("adapter file: removed or replaced after it was loaded, it is what it was") {
    const model_ptr model = load_tiny();
    for (const bool replaced : {false, true}) {
        const std::string  path    = adapter_file("once.gguf", blocks_lora(1));
        const adapter_ptr  adapter = load_adapter(model, path);
        std::vector<float> before[2];
        for (const int32_t i : {0, 1}) {
            const session_ptr session = session_on(model, engines[i]);
            require_ok(use(session, {adapter.get()}, {1.0f}));
            before[i] = embed(session);
            require_ok(use(session, {}, {}));
            CHECK(largest_difference(before[i], embed(session)) > 0.01);
        }
        if (replaced) {
            write_adapter(path, "llama", blocks_lora(2), 4.0f);
        } else {
            std::filesystem::remove(path);
        }
        for (const int32_t i : {0, 1}) {
            const session_ptr session = session_on(model, engines[i]);
            require_ok(use(session, {adapter.get()}, {1.0f}));
            CHECK(embed(session) == before[i]);
        }
    }
}

TEST_CASE("adapter of the output head: AUTO computes with the graph, FUSED says that it cannot") {
    const model_ptr   model    = load_tiny();
    const std::string path     = adapter_file("head.gguf", head_lora(info_of(model)));
    const adapter_ptr head     = load_adapter(model, path);
    const adapter_ptr blocks   = load_adapter(model, adapter_file("blocks.gguf", blocks_lora(1)));
    const session_ptr automatic = session_on(model, MAGNET_ENGINE_AUTO);
    const session_ptr graph     = session_on(model, MAGNET_ENGINE_GRAPH);
    const session_ptr fused     = session_on(model, MAGNET_ENGINE_FUSED);

    check_fails(use(fused, {blocks.get(), head.get()}, {1.0f, 1.0f}), MAGNET_STATUS_UNSUPPORTED,
                {"output.weight", path.c_str(), "graph"});
    for (const auto & list : {std::vector<magnet_adapter *>{head.get()}, {head.get(), blocks.get()}}) {
        const std::vector<float> scales(list.size(), 1.0f);
        require_ok(use(automatic, list, scales));
        require_ok(use(graph, list, scales));
        CHECK(embed(automatic) == embed(graph));
        const std::vector<magnet_part> item = {given("Once "), filled("upon")};
        CHECK(score(automatic, item)->spans[0].logprob == score(graph, item)->spans[0].logprob);
    }
    require_ok(use(automatic, {blocks.get()}, {1.0f}));
    require_ok(use(fused, {blocks.get()}, {1.0f}));
    CHECK(embed(automatic) == embed(fused));
}

TEST_CASE("adapter named twice: the sum of its scales, in every verb and with either engine") {
    const model_ptr   model   = load_tiny();
    const adapter_ptr adapter = load_adapter(model, adapter_file("twice.gguf", blocks_lora(1)));
    for (const int32_t engine : engines) {
        const session_ptr session = session_on(model, engine);
        require_ok(use(session, {adapter.get()}, {1.0f}));
        const std::vector<float> once     = embed(session);
        const double             text_one = generate(session, "Once", greedy(4))->spans[0].logprob;
        require_ok(use(session, {adapter.get(), adapter.get()}, {0.75f, 0.25f}));
        CHECK(embed(session) == once);
        CHECK(generate(session, "Once", greedy(4))->spans[0].logprob == text_one);
        require_ok(use(session, {adapter.get(), adapter.get()}, {0.75f, 0.5f}));
        CHECK(largest_difference(embed(session), once) > 1e-4);
        check_fails(use(session, {adapter.get(), adapter.get()}, {3e38f, 3e38f}), MAGNET_STATUS_INVALID_ARGUMENT, {"scale"});
    }
}

#ifndef _WIN32 // which lets nobody replace or remove a file that is mapped

TEST_CASE("model file: replaced or removed before the fused engine reads it") {
    const std::string path = scratch_path("changing.gguf");
    const auto        put  = [&](const std::string & from) {
        const std::string next = scratch_path("next.gguf");
        write_file(next, read_file(golden(from)));
        std::filesystem::rename(next, path); // a mapped file keeps its pages
    };
    for (const bool replaced : {false, true}) {
        put("tiny-llama.gguf");
        const model_ptr   model = load_model(path);
        const session_ptr graph = session_on(model, MAGNET_ENGINE_GRAPH);
        if (replaced) {
            put("tiny-qwen2.gguf");
        } else {
            std::filesystem::remove(path);
        }
        std::vector<float> vector;
        check_fails(try_embed(session_on(model, MAGNET_ENGINE_FUSED), vector), MAGNET_STATUS_IO,
                    {path.c_str(), replaced ? "replaced" : "any more"});
        check_fails(try_embed(session_on(model, MAGNET_ENGINE_AUTO), vector), MAGNET_STATUS_IO, {path.c_str()});
        const model_ptr same = load_model(golden("tiny-llama.gguf"));
        CHECK(embed(graph) == embed(session_on(same, MAGNET_ENGINE_GRAPH)));
        generate(graph, "abc", greedy(2));
    }

    put("tiny-llama.gguf");
    const model_ptr          model   = load_model(path);
    const session_ptr        session = session_on(model, MAGNET_ENGINE_FUSED);
    const std::vector<float> before  = embed(session);
    std::filesystem::remove(path);
    CHECK(embed(session) == before); // it has its weights, and so have those that share them
    CHECK(embed(session_on(model, MAGNET_ENGINE_FUSED)) == before);
}

#endif
