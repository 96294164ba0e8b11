// A session that once asked for more memory than there is answers smaller calls as a fresh one does.
#include "api.h"
#include "api_reference.h"
#include "gguf_file.h"
#include "limited_memory.h"

using namespace magnet::testing;

namespace {

constexpr uint32_t n_ctx = 1u << 23; // a cache of a gigabyte

std::string long_model() {
    const std::string path = scratch_path("long.gguf");
    copy_gguf(golden("tiny-llama.gguf"), path, set_context_length("llama", n_ctx));
    return path;
}

// What the error says of so many tokens or more: what they take, and a smaller number that would fit.
bool says_what_fits(long n_tokens) {
    long asked = 0, mib = 0, bytes = 0, available = 0, fit = 0;
    return std::sscanf(magnet_last_error(),
                       "the keys and values of %ld tokens take %ld MiB (%ld bytes a token), and %ld MiB are to be had, which "
                       "is enough for %ld tokens",
                       &asked, &mib, &bytes, &available, &fit) == 5 &&
           asked >= n_tokens && mib == asked * bytes >> 20 && available == fit * bytes >> 20 && fit > 0 && fit < asked;
}

// llama.cpp makes room for all that is asked for before it begins.
int generate_without_memory() {
    const model_ptr       model = load_model(long_model());
    magnet_session_params p     = session_params();
    p.engine                    = MAGNET_ENGINE_GRAPH;
    const auto        small   = ids(generate(make_session(model, p), "Once upon", greedy(8))->spans[0]);
    const session_ptr session = make_session(model, p);
    limit_memory(size_t(400) << 20);
    magnet_result *              none = nullptr;
    const magnet_generate_params much = greedy((int32_t) n_ctx / 2);
    if (magnet_generate(session.get(), text("Once upon"), &much, &none) != MAGNET_STATUS_OUT_OF_MEMORY) {
        return 1;
    }
    if (!says_what_fits((int32_t) n_ctx / 2)) {
        return 4;
    }
    for (int i = 0; i < 2; ++i) {
        magnet_result *              r    = nullptr;
        const magnet_generate_params some = greedy(8);
        if (magnet_generate(session.get(), text("Once upon"), &some, &r) != MAGNET_STATUS_OK) {
            return 2;
        }
        if (ids(result_ptr(r)->spans[0]) != small) {
            return 3;
        }
    }
    return 0;
}

// The fused engine's cache grows with the text.
int prompt_without_memory() {
    const model_ptr       model = load_model(long_model());
    magnet_session_params p     = session_params();
    p.engine                    = MAGNET_ENGINE_FUSED;
    const session_ptr session   = make_session(model, p);
    const auto        small     = ids(generate(session, "Once upon", greedy(8))->spans[0]);
    std::string       much;
    for (size_t i = 0; i < 400000; ++i) {
        much += "a ";
    }
    limit_memory(size_t(60) << 20);
    magnet_result *              none = nullptr;
    const magnet_generate_params some = greedy(8);
    if (magnet_generate(session.get(), text(much), &some, &none) != MAGNET_STATUS_OUT_OF_MEMORY) {
        return 1;
    }
    if (!says_what_fits(400000)) { // of all of it, and not of a piece that was the first for which there was no room
        return 4;
    }
    for (int i = 0; i < 2; ++i) {
        magnet_result * r = nullptr;
        if (magnet_generate(session.get(), text("Once upon"), &some, &r) != MAGNET_STATUS_OK) {
            return 2;
        }
        if (ids(result_ptr(r)->spans[0]) != small) {
            return 3;
        }
    }
    return 0;
}

int embed_without_memory(int32_t engine, size_t n_words) {
    const model_ptr       model = load_model(long_model());
    magnet_session_params p     = session_params();
    p.engine                    = engine;
    const auto embed            = [&](const session_ptr & session, const std::string & s, std::vector<float> & out) {
        const magnet_text t = text(s);
        out.resize(32);
        return magnet_embed(session.get(), &t, 1, nullptr, out.data(), 32, nullptr);
    };
    std::vector<float> small, vector;
    require_ok(embed(make_session(model, p), "a text", small));
    const session_ptr session = make_session(model, p);
    require_ok(embed(session, "a text", vector));
    std::string much;
    for (size_t i = 0; i < n_words; ++i) {
        much += "a ";
    }
    limit_memory(size_t(400) << 20);
    if (embed(session, much, vector) != MAGNET_STATUS_OUT_OF_MEMORY) {
        return 1;
    }
    for (int i = 0; i < 2; ++i) {
        if (embed(session, "a text", vector) != MAGNET_STATUS_OK) {
            return 2;
        }
        if (vector != small) {
            return 3;
        }
    }
    return 0;
}

} // namespace

TEST_CASE("out of memory once: generate" * doctest::skip(!limits_work())) {
    in_child(generate_without_memory);
    in_child(prompt_without_memory);
}

TEST_CASE("out of memory once: embed with either engine" * doctest::skip(!limits_work())) {
    in_child([] { return embed_without_memory(MAGNET_ENGINE_GRAPH, 20000); });
    in_child([] { return embed_without_memory(MAGNET_ENGINE_FUSED, 1000000); });
}
