#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "magnet.h"

namespace CLI {
class App;
}

namespace magnet_cli {

// Throws failure with the library's message, or usage_error where it is about the value of an option, unless status is OK.
// prefix: said before a message about something else, such as "notes.txt:12: ".
void check(int32_t status, const std::string & prefix = "");

template <auto free>
struct freed_by {
    template <typename T>
    void operator()(T * handle) const {
        free(handle);
    }
};
using model_ptr   = std::unique_ptr<magnet_model, freed_by<magnet_model_free>>;
using adapter_ptr = std::unique_ptr<magnet_adapter, freed_by<magnet_adapter_free>>;
using session_ptr = std::unique_ptr<magnet_session, freed_by<magnet_session_free>>;
using result_ptr  = std::unique_ptr<magnet_result, freed_by<magnet_result_free>>;

// Log lines of this weight (enum magnet_log_level) and above go to stderr; 0 = none.
void show_log(int32_t level);

// The options that every verb with a model has.
struct model_options {
    std::string              path;
    std::vector<std::string> adapters; // FILE or FILE:SCALE
    int32_t                  threads    = magnet_session_default_params().n_threads;
    int32_t                  ctx        = 0;
    int32_t                  engine     = MAGNET_ENGINE_AUTO;
    int32_t                  gpu_layers = magnet_model_default_params().n_gpu_layers;
    int32_t                  weights    = magnet_model_default_params().weights;
    int32_t                  cache_type = magnet_session_default_params().cache_type; // of verbs that use the cache
    int32_t                  log_level  = 0; // 0 = silence
    bool                     no_reuse   = false; // of verbs that use the cache
    bool                     check_tensors = false;

    void add_to(CLI::App & verb);
};

// "mine.gguf:0.5" -> 0.5, and path loses the suffix; a file of that very name goes first.
float split_scale(std::string & path);

struct loaded_model {
    std::string              path;
    model_ptr                model;
    magnet_model_info        info{};
    std::vector<adapter_ptr> adapters;
    std::vector<float>       scales;

    // What the recipe of the first adapter that has one says; false = there is none.
    bool recipe(magnet_adapter_info & out) const;
};

loaded_model load_model(const model_options & options);
session_ptr  create_session(const loaded_model & loaded, const model_options & options);

std::vector<int32_t> tokenize(const magnet_model * model, const std::string & text, bool add_special,
                              bool parse_special);
std::string          token_bytes(const magnet_model * model, int32_t token); // may be half a character

// The name of a control token, the text of any other; "" for none (-1).
std::string token_name(const magnet_model * model, int32_t token);

// Calls that ask for the size with (NULL, 0, &size) and then write text with its NUL.
template <typename Call>
std::string read_text(Call && call) {
    int32_t size = 0;
    check(call(static_cast<char *>(nullptr), 0, &size));
    std::string text(static_cast<size_t>(size) + 1, '\0');
    check(call(text.data(), size + 1, &size));
    text.resize(static_cast<size_t>(size));
    return text;
}

inline magnet_text as_text(const std::string & text) {
    return {text.data(), static_cast<int32_t>(text.size())};
}

} // namespace magnet_cli
