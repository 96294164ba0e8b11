#include "model.h"

#include <cstdio>
#include <filesystem>

#include "../src/base/path.h"
#include "error.h"
#include "files.h"
#include "names.h"
#include "option-words.h"
#include "options.h"
#include "progress.h"
#include "terminal.h"

namespace magnet_cli {

void check(int32_t status, const std::string & prefix) {
    if (status == MAGNET_STATUS_OK) {
        return;
    }
    const std::string message = in_option_words(magnet_last_error());
    if (status == MAGNET_STATUS_INVALID_ARGUMENT && blames_option(message)) {
        throw usage_error(message);
    }
    throw failure(prefix + (message.empty() ? std::string("failed: ") + magnet_status_name(status) : message));
}

void model_options::add_to(CLI::App & verb) {
    option_group group(verb, "Model");
    group.value("-m,--model", path, "FILE", "GGUF file of a decoder-only model (or set MAGNET_MODEL)")
        ->envname("MAGNET_MODEL");
    group.list("--adapter", adapters, "FILE[:SCALE]", "LoRA adapter, with a factor if not 1; may be repeated");
    group.value("-t,--threads", threads, "N", "threads to compute with (default: physical cores)", between(1, most_threads));
    group.value("--ctx", ctx, "N", "most tokens of one text (default: what the model was trained for)", between(1, 1 << 30));
    group.choice("--engine", engine, engine_names(), "MAGNET's CPU engine, llama.cpp's graph, or what fits best");
    group.choice("--weights", weights, weights_names(), "copied in bf16 (fastest), as stored, or what memory allows");
    group.value("--gpu-layers", gpu_layers, "N", "layers to hold on the GPU, -1 = all (default 0)", between(-1, 100000));
    group.flag("--check-tensors", check_tensors, "look for NaN and infinity in every weight while loading");
    group.choice("--log-level", log_level, log_level_names(), "show log lines of this weight and above");
}

static void print_log_line(int32_t level, const char * message, void * user_data) {
    if (level >= *static_cast<const int32_t *>(user_data)) {
        std::fprintf(stderr, "magnet: %s\n", message);
    }
}

void show_log(int32_t level) {
    static int32_t shown; // outlives every call of the callback
    shown = level;
    magnet_log_set(level == 0 ? nullptr : print_log_line, &shown);
}

float split_scale(std::string & path) {
    const size_t colon = path.rfind(':');
    if (colon == std::string::npos || path.find('/', colon) != std::string::npos || std::filesystem::exists(magnet::to_path(path))) {
        return 1.0f;
    }
    const std::string suffix = path.substr(colon + 1);
    float             scale  = 1.0f;
    if (!parse_float(suffix, scale)) {
        throw usage_error("--adapter " + path + ": there is no such file, and as a scale " + quote(suffix) +
                          " is not a number between -3.4e38 and 3.4e38; write FILE:SCALE, such as mine.gguf:0.5");
    }
    path.resize(colon);
    return scale;
}

loaded_model load_model(const model_options & options) {
    if (options.path.empty()) {
        throw usage_error("no model; give --model FILE, or set MAGNET_MODEL");
    }
    // that there is no GPU must not pass unseen
    show_log(options.log_level == 0 && options.gpu_layers != 0 ? MAGNET_LOG_WARN : options.log_level);
    note_input(options.path);
    loaded_model loaded;
    loaded.path = options.path;
    progress bar("loading " + magnet::to_utf8(magnet::to_path(options.path).filename()), 1000, options.log_level == 0,
                 progress::unit::share);
    magnet_model_params params = magnet_model_default_params();
    params.n_gpu_layers        = options.gpu_layers;
    params.check_tensors       = options.check_tensors;
    params.weights             = options.weights;
    params.progress            = progress::callback;
    params.progress_user_data  = &bar;
    magnet_model * model       = nullptr;
    check(magnet_model_load(options.path.c_str(), &params, &model));
    loaded.model.reset(model);
    check(magnet_model_get_info(model, &loaded.info));

    for (std::string path : options.adapters) {
        const float      scale   = split_scale(path);
        magnet_adapter * adapter = nullptr;
        note_input(path);
        check(magnet_adapter_load(model, path.c_str(), &adapter));
        loaded.adapters.emplace_back(adapter);
        loaded.scales.push_back(scale);
    }
    return loaded;
}

bool loaded_model::recipe(magnet_adapter_info & out) const {
    for (const adapter_ptr & adapter : adapters) {
        check(magnet_adapter_get_info(adapter.get(), &out));
        if (out.recipe_version > 0) {
            return true;
        }
    }
    return false;
}

session_ptr create_session(const loaded_model & loaded, const model_options & options) {
    magnet_session_params params = magnet_session_default_params();
    params.n_ctx                 = options.ctx;
    params.n_threads             = options.threads;
    params.engine                = options.engine;
    params.cache_type            = options.cache_type;
    params.reuse_prefix          = !options.no_reuse;
    magnet_session * session     = nullptr;
    check(magnet_session_create(loaded.model.get(), &params, &session));
    session_ptr owned(session);
    if (!loaded.adapters.empty()) {
        std::vector<magnet_adapter *> adapters;
        for (const adapter_ptr & adapter : loaded.adapters) {
            adapters.push_back(adapter.get());
        }
        check(magnet_session_set_adapters(session, adapters.data(), loaded.scales.data(),
                                          static_cast<int32_t>(adapters.size())));
    }
    return owned;
}

std::vector<int32_t> tokenize(const magnet_model * model, const std::string & text, bool add_special,
                              bool parse_special) {
    int32_t n = 0;
    check(magnet_tokenize(model, as_text(text), add_special, parse_special, nullptr, 0, &n));
    std::vector<int32_t> tokens(static_cast<size_t>(n));
    check(magnet_tokenize(model, as_text(text), add_special, parse_special, tokens.data(), n, &n));
    return tokens;
}

std::string token_bytes(const magnet_model * model, int32_t token) {
    int32_t size = 0;
    check(magnet_token_bytes(model, token, nullptr, 0, &size));
    std::string bytes(static_cast<size_t>(size), '\0');
    check(magnet_token_bytes(model, token, bytes.data(), size, &size));
    return bytes;
}

std::string token_name(const magnet_model * model, int32_t token) {
    if (token < 0) {
        return "";
    }
    return read_text([&](char * buffer, int32_t capacity, int32_t * size) {
        return magnet_detokenize(model, &token, 1, true, buffer, capacity, size);
    });
}

} // namespace magnet_cli
