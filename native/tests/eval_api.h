// magnet_eval for tests: results that free themselves, figures by name, and some small files.
#pragma once

#include "api.h"
#include "test_files.h"

namespace magnet::testing {

struct eval_deleter {
    void operator()(magnet_eval_result * r) const { magnet_eval_result_free(r); }
};
using eval_ptr = std::unique_ptr<magnet_eval_result, eval_deleter>;

inline magnet_eval_params params_of(int32_t protocol, const std::string & file) {
    magnet_eval_params p = magnet_eval_default_params();
    p.protocol           = protocol;
    p.file               = file.c_str();
    return p;
}

inline eval_ptr evaluate(const session_ptr & session, const magnet_eval_params & p) {
    magnet_eval_result * r = nullptr;
    require_ok(magnet_eval(session.get(), &p, &r));
    return eval_ptr(r);
}

// The call fails, with all of this in its message.
inline void check_eval_fails(const session_ptr & session, const magnet_eval_params & p, int32_t status,
                             std::initializer_list<const char *> words) {
    magnet_eval_result * r = nullptr;
    check_fails(magnet_eval(session.get(), &p, &r), status, words);
    CHECK(r == nullptr);
}

inline const magnet_eval_figure & figure(const eval_ptr & r, const std::string & name) {
    for (int32_t i = 0; i < r->n_figures; ++i) {
        if (r->figures[i].name == name) {
            return r->figures[i];
        }
    }
    FAIL("there is no figure ", name);
    return r->figures[0];
}

inline std::vector<double> series(const eval_ptr & r, const std::string & name) {
    for (int32_t i = 0; i < r->n_series; ++i) {
        if (r->series[i].name == name) {
            return {r->series[i].values, r->series[i].values + r->series[i].n_values};
        }
    }
    FAIL("there is no series ", name);
    return {};
}

inline const std::vector<std::vector<std::string>> stories = {
    {"Tom lost a key.", "He looked for it.", "It was in the car.", "He took it out.", "Then he went home."},
    {"The dog ran.", "It saw a cat.", "The cat hid.", "It sat in a tree.", "The dog left."},
    {"Rain fell.", "The river rose.", "A bridge broke.", "Men came.", "They built it again."},
    {"Ann baked.", "The cake burned.", "She began again.", "Her son helped.", "They ate it all."},
};

inline std::string story_file() {
    std::string text;
    for (const auto & story : stories) {
        for (size_t i = 0; i < story.size(); ++i) {
            text += (i > 0 ? "\t" : "") + story[i];
        }
        text += "\n";
    }
    return text;
}

inline const char * const pairs = "5\tA man plays a guitar.\tSomeone plays music.\n"
                                  "0.5\tA dog runs.\tThe stock market fell.\n"
                                  "\n"
                                  "3\tRain falls.\tIt is wet outside.\r\n"
                                  "3\tTwo boys swim.\tChildren are in the water.\n"
                                  "1e0\tA cat.\tA very long train went through the valley.\n";

// A model, a session, and a folder for files.
struct work {
    test_folder folder;
    model_ptr   model   = load_tiny("gpt2"); // a byte is a token, but for a few merges; no BOS
    session_ptr session = make_session(model);
};

} // namespace magnet::testing
