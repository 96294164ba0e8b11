#include "adapter.h"

#include "base/asserts.h"
#include "base/error.h"
#include "base/gguf-file.h"
#include "base/lines.h"
#include "base/log.h"
#include "lora-file.h"

#include "ggml-cpu.h"

#include <algorithm>

namespace magnet {

std::shared_ptr<adapter> adapter::load(const std::shared_ptr<model> & base, const std::string & path) {
    std::shared_ptr<adapter> a(new adapter(path));
    const gguf_reader        file(path);
    if (file.text("general.type") != "adapter" || file.text("adapter.type") != "lora") {
        throw error(MAGNET_STATUS_BAD_FILE, path + " is not a LoRA adapter.");
    }

    a->base_         = base;
    a->architecture_ = file.text("general.architecture");

    const std::string model_architecture = base->architecture();
    if (a->architecture_ != model_architecture) {
        throw error(MAGNET_STATUS_MISMATCH, path + " was trained for architecture \"" + a->architecture_ +
                                                "\", the model is \"" + model_architecture + "\". Nothing was loaded.");
    }

    a->recipe_ = base->recipe_of(path, lookup_of(file.meta()));

    const int64_t alpha = gguf_find_key(file.meta(), "adapter.lora.alpha");
    if (alpha >= 0) {
        if (gguf_get_kv_type(file.meta(), alpha) != GGUF_TYPE_FLOAT32) { // llama.cpp would end the process
            throw error(MAGNET_STATUS_BAD_FILE, path + " is damaged: adapter.lora.alpha is no 32-bit float.");
        }
        a->alpha_ = gguf_get_val_f32(file.meta(), alpha);
    }
    for (int64_t i = 0; i < gguf_get_n_tensors(file.meta()); ++i) {
        const ggml_type type = gguf_get_tensor_type(file.meta(), i);
        if (!ggml_get_type_traits_cpu(type)->vec_dot) { // kernels would call it
            throw error(MAGNET_STATUS_BAD_FILE, path + " is damaged: " + gguf_get_tensor_name(file.meta(), i) +
                                                    " has type " + ggml_type_name(type) + ", which holds no weights.");
        }
        if (ends_with(gguf_get_tensor_name(file.meta(), i), ".lora_a")) {
            a->rank_ = std::max(a->rank_, (int32_t) gguf_get_tensor_ne(file.meta(), i)[1]);
            ++a->n_matrices_;
        }
    }

    try {
        a->matrices_ = load_lora(path).set;
    } catch (const error & e) {
        if (e.status != MAGNET_STATUS_UNSUPPORTED) {
            throw;
        }
        a->no_matrices_ = e.what(); // llama.cpp may still know what to do with it
    }

    log_capture                 capture;
    const thrown_asserts        asserts;
    std::lock_guard<std::mutex> lock(base->adapter_mutex());
    a->llama_ = llama_adapter_lora_init(base->llama(), path.c_str());
    if (!a->llama_) {
        throw error(MAGNET_STATUS_MISMATCH,
                    path + " does not fit the model" + capture.reason() + ". Nothing was loaded.");
    }
    a->file_.check_unchanged(); // it was opened three times
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
    info.document_instruction = recipe_.document_instruction.c_str();
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
    info.open_room      = recipe_.open_room;
    return info;
}

} // namespace magnet
