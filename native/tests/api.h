// magnet.h for tests: handles that free themselves, and short ways to write texts, parts and expectations.
#pragma once

#include "magnet.h"
#include "gpu.h"

#define DOCTEST_CONFIG_TREAT_CHAR_STAR_AS_STRING // in reports
#include <doctest/doctest.h>

#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace magnet::testing {

struct handle_deleter {
    void operator()(magnet_model * m) const { magnet_model_free(m); }
    void operator()(magnet_session * s) const { magnet_session_free(s); }
    void operator()(magnet_adapter * a) const { magnet_adapter_free(a); }
    void operator()(magnet_result * r) const { magnet_result_free(r); }
};
using model_ptr   = std::unique_ptr<magnet_model, handle_deleter>;
using session_ptr = std::unique_ptr<magnet_session, handle_deleter>;
using adapter_ptr = std::unique_ptr<magnet_adapter, handle_deleter>;
using result_ptr  = std::unique_ptr<magnet_result, handle_deleter>;

// The call succeeds; if not, its message is part of the report.
inline void require_ok(int32_t status) {
    INFO("magnet_last_error(): ", magnet_last_error());
    REQUIRE(magnet_status_name(status) == std::string("OK"));
}

// The call fails so, and its message names all of this.
inline void check_fails(int32_t status, int32_t expected, std::initializer_list<const char *> words = {}) {
    const std::string message = magnet_last_error();
    INFO("message: ", message);
    CHECK(magnet_status_name(status) == std::string(magnet_status_name(expected)));
    CHECK(!message.empty());
    for (const char * word : words) {
        INFO("expected in it: ", word);
        CHECK(message.find(word) != std::string::npos);
    }
}

// native/tests/golden/NAME
inline std::string golden(const std::string & name) {
    const char * data = getenv("MAGNET_TEST_DATA");
    REQUIRE_MESSAGE(data, "run this test with ctest, or set MAGNET_TEST_DATA to native/tests");
    return std::string(data) + "/golden/" + name;
}

inline model_ptr load_model(const std::string & path) {
    magnet_model_params p = magnet_model_default_params();
    magnet_model *      m = nullptr;
    p.n_gpu_layers        = gpu_layers();
    require_ok(magnet_model_load(path.c_str(), &p, &m));
    return model_ptr(m);
}

// tiny-ARCHITECTURE.gguf
inline model_ptr load_tiny(const std::string & architecture = "llama") {
    return load_model(golden("tiny-" + architecture + ".gguf"));
}

inline adapter_ptr load_adapter(const model_ptr & model, const std::string & path) {
    magnet_adapter * a = nullptr;
    require_ok(magnet_adapter_load(model.get(), path.c_str(), &a));
    return adapter_ptr(a);
}

// One thread: the threads of llama.cpp spin, and tests run beside each other.
inline magnet_session_params session_params() {
    magnet_session_params p = magnet_session_default_params();
    p.n_threads             = 1;
    return p;
}

inline session_ptr make_session(const model_ptr & model, const magnet_session_params & p = session_params()) {
    magnet_session * s = nullptr;
    require_ok(magnet_session_create(model.get(), &p, &s));
    return session_ptr(s);
}

inline magnet_model_info info_of(const model_ptr & model) {
    magnet_model_info info = {};
    require_ok(magnet_model_get_info(model.get(), &info));
    return info;
}

// Borrows.
inline magnet_text text(const std::string & s) {
    return {s.data(), (int32_t)s.size()};
}
inline magnet_text text(const char * s) {
    return {s, -1};
}

inline magnet_part given(const char * s) {
    return {MAGNET_PART_TEXT, text(s), 0, 0, false};
}
inline magnet_part gap(int32_t length) {
    return {MAGNET_PART_GAP, {}, length, 0, false};
}
inline magnet_part open_gap(int32_t max_length) {
    return {MAGNET_PART_GAP, {}, 0, max_length, false};
}
// For scoring.
inline magnet_part filled(const char * s, int32_t length = 0, int32_t max_length = 0) {
    return {MAGNET_PART_GAP, text(s), length, max_length, false};
}

inline std::vector<int32_t> tokenize(const model_ptr & model, const std::string & s, bool special = false) {
    int32_t n = 0;
    require_ok(magnet_tokenize(model.get(), text(s), special, special, nullptr, 0, &n));
    std::vector<int32_t> tokens(n);
    require_ok(magnet_tokenize(model.get(), text(s), special, special, tokens.data(), n, &n));
    return tokens;
}

inline std::string token_bytes(const model_ptr & model, int32_t token) {
    char    bytes[64];
    int32_t n = 0;
    require_ok(magnet_token_bytes(model.get(), token, bytes, sizeof(bytes), &n));
    return std::string(bytes, n);
}

inline result_ptr generate(const session_ptr & session, const std::string & prompt, const magnet_generate_params & p) {
    magnet_result * r = nullptr;
    require_ok(magnet_generate(session.get(), text(prompt), &p, &r));
    return result_ptr(r);
}

inline result_ptr infill(const session_ptr & session, const std::vector<magnet_part> & parts,
                         const magnet_infill_params & p) {
    magnet_result * r = nullptr;
    require_ok(magnet_infill(session.get(), parts.data(), (int32_t)parts.size(), &p, &r));
    return result_ptr(r);
}

inline result_ptr score(const session_ptr & session, const std::vector<magnet_part> & parts,
                        const magnet_score_params & p = magnet_score_default_params()) {
    const magnet_score_item item = {parts.data(), (int32_t)parts.size()};
    magnet_result *         r    = nullptr;
    require_ok(magnet_score(session.get(), &item, 1, &p, &r));
    return result_ptr(r);
}

inline std::vector<int32_t> ids(const magnet_span & span) {
    std::vector<int32_t> out;
    for (int32_t i = 0; i < span.n_tokens; ++i) {
        out.push_back(span.tokens[i].id);
    }
    return out;
}

// Greedy generation of up to n tokens that no end of sequence stops.
inline magnet_generate_params greedy(int32_t n) {
    magnet_generate_params p = magnet_generate_default_params();
    p.sampling               = magnet_infill_default_params().sampling;
    p.max_tokens             = n;
    p.ignore_eos             = true;
    return p;
}

} // namespace magnet::testing
