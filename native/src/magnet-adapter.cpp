#include "magnet-adapter.h"

#include "magnet-error.h"
#include "magnet-log.h"

#include "ggml.h"
#include "gguf.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace magnet {

namespace {

struct gguf_deleter {
    void operator()(gguf_context * gguf) const { gguf_free(gguf); }
};
struct ggml_deleter {
    void operator()(ggml_context * ggml) const { ggml_free(ggml); }
};

std::string string_value(const gguf_context * gguf, const char * key) {
    const int64_t id = gguf_find_key(gguf, key);
    return id >= 0 && gguf_get_kv_type(gguf, id) == GGUF_TYPE_STRING ? gguf_get_val_str(gguf, id) : "";
}

bool ends_with(const std::string & s, const char * suffix) {
    const size_t n = strlen(suffix);
    return s.size() >= n && s.compare(s.size() - n, n, suffix) == 0;
}

} // namespace

std::shared_ptr<adapter> adapter::load(const std::shared_ptr<model> & base, const std::string & path) {
    FILE * file = fopen(path.c_str(), "rb");
    if (!file) {
        throw error(MAGNET_STATUS_IO, "cannot open " + path + ": " + strerror(errno) + ".");
    }
    char       magic[4] = {};
    const bool is_gguf  = fread(magic, 1, 4, file) == 4 && memcmp(magic, "GGUF", 4) == 0;
    fclose(file);
    if (!is_gguf) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " is not a GGUF file.");
    }

    log_capture capture;

    ggml_context *                              tensors = nullptr;
    std::unique_ptr<gguf_context, gguf_deleter> gguf(gguf_init_from_file(path.c_str(), { true, &tensors }));
    std::unique_ptr<ggml_context, ggml_deleter> tensors_owner(tensors);
    if (!gguf) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " is truncated or damaged" + capture.reason() + ".");
    }
    if (string_value(gguf.get(), "general.type") != "adapter" || string_value(gguf.get(), "adapter.type") != "lora") {
        throw error(MAGNET_STATUS_BAD_FILE, path + " is not a LoRA adapter.");
    }

    std::shared_ptr<adapter> a(new adapter());
    a->base_         = base;
    a->path_         = path;
    a->architecture_ = string_value(gguf.get(), "general.architecture");
    a->recipe_       = read_recipe(gguf.get());

    const std::string model_architecture = base->info().architecture;
    if (a->architecture_ != model_architecture) {
        throw error(MAGNET_STATUS_MISMATCH, path + " was trained for architecture \"" + a->architecture_ +
                                                "\", the model is \"" + model_architecture + "\". Nothing was loaded.");
    }

    const int64_t alpha = gguf_find_key(gguf.get(), "adapter.lora.alpha");
    if (alpha >= 0 && gguf_get_kv_type(gguf.get(), alpha) == GGUF_TYPE_FLOAT32) {
        a->alpha_ = gguf_get_val_f32(gguf.get(), alpha);
    }
    for (ggml_tensor * t = ggml_get_first_tensor(tensors); t; t = ggml_get_next_tensor(tensors, t)) {
        if (ends_with(t->name, ".lora_a")) {
            a->rank_ = std::max(a->rank_, (int32_t) t->ne[1]);
            ++a->n_matrices_;
        }
    }

    std::lock_guard<std::mutex> lock(base->adapter_mutex());
    a->llama_ = llama_adapter_lora_init(base->llama(), path.c_str());
    if (!a->llama_) {
        throw error(MAGNET_STATUS_MISMATCH,
                    path + " does not fit the model" + capture.reason() + ". Nothing was loaded.");
    }
    return a;
}

adapter::~adapter() {
    if (llama_) {
        std::lock_guard<std::mutex> lock(base_->adapter_mutex());
        llama_adapter_lora_free(llama_);
    }
}

magnet_adapter_info adapter::info() const {
    magnet_adapter_info info = {};

    info.instruction    = recipe_.instruction.c_str();
    info.architecture   = architecture_.c_str();
    info.recipe_version = recipe_.version;
    info.rank           = rank_;
    info.alpha          = alpha_;
    info.n_matrices     = n_matrices_;
    info.pooling        = recipe_.pooling;
    info.attention      = recipe_.attention;
    info.context        = recipe_.context;
    info.token_mask     = recipe_.token_mask;
    info.token_end      = recipe_.token_end;
    return info;
}

} // namespace magnet
