// What both engines are held to: hidden states and logits of PyTorch, native/tests/golden/tiny-inference-*.json.
#pragma once

#include "engine_fixture.h"
#include "golden.h"

#include <doctest/doctest.h>

namespace magnet::testing {

inline owned_row golden_row(const nlohmann::json & row) {
    return { integers<int32_t>(row.at("tokens")), integers<int32_t>(row.at("positions")),
             integers<int8_t>(row.at("roles")) };
}

inline void check_inference(engine & e, const nlohmann::json & golden) {
    const size_t n_embd = size_t(e.shape().n_embd);
    for (const nlohmann::json & test_case : golden.at("cases")) {
        CAPTURE(test_case.at("name").get<std::string>());
        const owned_row row    = golden_row(test_case);
        const auto      hidden = hidden_of(e, { row.view() })[0];
        CHECK(relative_error(hidden, floats(test_case.at("hidden"))) < 1e-5);

        const auto         at = integers<int32_t>(test_case.at("logit_rows"));
        std::vector<float> rows, logits(at.size() * e.shape().n_vocab);
        for (const int32_t i : at) {
            rows.insert(rows.end(), hidden.begin() + i * n_embd, hidden.begin() + (i + 1) * n_embd);
        }
        e.logits(rows.data(), int32_t(at.size()), logits.data());
        CHECK(relative_error(logits, floats(test_case.at("logits"))) < 1e-5);
    }
}

} // namespace magnet::testing
