#include "lora-file.h"

#include "base/error.h"
#include "base/finite.h"
#include "base/gguf-file.h"
#include "base/log.h"

#include <algorithm>
#include <cmath>

namespace magnet {

static bool fits_f16(const std::vector<float> & values) {
    return std::all_of(values.begin(), values.end(), [](float x) { return std::abs(x) <= 65504.0f; });
}

// F16 would turn what is beyond its range into infinities.
static lora_type type_to_store(const lora_adapter & adapter, lora_type asked) {
    const bool fits = std::all_of(adapter.set.matrices.begin(), adapter.set.matrices.end(),
                                  [](const lora_matrix & m) { return fits_f16(m.a) && fits_f16(m.b); });
    if (asked == lora_type::f16 && !fits) {
        log_message(MAGNET_LOG_WARN, "a weight of the adapter is beyond the range of F16; it is written in F32");
    }
    return fits ? asked : lora_type::f32;
}

void save_lora(const std::string & path, const lora_adapter & adapter, lora_type asked) {
    const lora_type type = type_to_store(adapter, asked);
    const gguf_ptr meta(gguf_init_empty());
    gguf_set_val_str(meta.get(), "general.type", "adapter");
    gguf_set_val_str(meta.get(), "general.architecture", adapter.arch.c_str());
    if (!adapter.base_name.empty()) {
        gguf_set_val_u32(meta.get(), "general.base_model.count", 1);
        gguf_set_val_str(meta.get(), "general.base_model.0.name", adapter.base_name.c_str());
    }
    gguf_set_val_str(meta.get(), "adapter.type", "lora");
    gguf_set_val_f32(meta.get(), "adapter.lora.alpha", adapter.alpha);
    if (adapter.how.version > 0) {
        write_recipe(adapter.how, meta.get());
    }

    std::vector<ggml_fp16_t> half;
    const auto               as_stored = [&half, type](const std::vector<float> & values) -> const void * {
        if (type == lora_type::f32) {
            return values.data();
        }
        half.resize(values.size());
        ggml_fp32_to_fp16_row(values.data(), half.data(), int64_t(values.size()));
        return half.data();
    };
    const ggml_type          stored = type == lora_type::f32 ? GGML_TYPE_F32 : GGML_TYPE_F16;
    const int64_t            rank   = adapter.set.rank;
    std::vector<gguf_tensor> tensors;
    for (const lora_matrix & m : adapter.set.matrices) {
        tensors.push_back({m.target + ".lora_a", stored, {m.n_in, rank}, [&] { return as_stored(m.a); }});
        tensors.push_back({m.target + ".lora_b", stored, {rank, m.n_out}, [&] { return as_stored(m.b); }});
    }
    write_gguf(path, meta.get(), tensors);
}

// [rows, cols] -> [rows_to, cols_to], zeros added
static std::vector<float> padded(const std::vector<float> & from, int64_t rows, int64_t cols, int64_t rows_to,
                                 int64_t cols_to) {
    std::vector<float> to(size_t(rows_to * cols_to), 0.0f);
    for (int64_t r = 0; r < rows; ++r) {
        std::copy_n(from.data() + r * cols, cols, to.data() + r * cols_to);
    }
    return to;
}

lora_adapter load_lora(const std::string & path) {
    const gguf_reader file(path);
    const auto        bad = [&path](const std::string & why) { return error(MAGNET_STATUS_BAD_FILE, path + why); };
    if (file.text("general.type") != "adapter" || file.text("adapter.type") != "lora") {
        throw bad(" is not a LoRA adapter (general.type and adapter.type say otherwise).");
    }
    lora_adapter adapter;
    adapter.arch      = file.text("general.architecture");
    adapter.base_name = file.text("general.base_model.0.name");
    adapter.alpha     = float(file.number("adapter.lora.alpha", 0.0));
    if (!std::isfinite(adapter.alpha)) {
        throw bad(" is damaged: adapter.lora.alpha is " + number_text(adapter.alpha) + ".");
    }
    adapter.how       = read_recipe(path, lookup_of(file.meta()));

    std::vector<int64_t> ranks;
    for (int64_t i = 0; i < gguf_get_n_tensors(file.meta()); ++i) {
        const std::string name = gguf_get_tensor_name(file.meta(), i);
        const size_t      end  = name.size() - std::min<size_t>(name.size(), 7);
        if (name.substr(end) != ".lora_a") {
            if (name.substr(end) == ".lora_b" && file.find(name.substr(0, end) + ".lora_a") < 0) {
                throw bad(": " + name + " has no .lora_a.");
            }
            continue; // a .lora_b is read with its .lora_a; anything else llama.cpp ignores or refuses too
        }
        lora_matrix m;
        m.target        = name.substr(0, end);
        const int64_t b = file.find(m.target + ".lora_b");
        if (b < 0) {
            throw bad(": " + name + " has no .lora_b.");
        }
        std::vector<int64_t> shape_a = file.shape(i), shape_b = file.shape(b);
        shape_a.resize(2, 1); // a trailing 1 (rank, or a width of 1) is dropped by shape()
        shape_b.resize(2, 1);
        if (shape_a[1] != shape_b[0]) {
            throw bad(": the ranks of A and B of " + m.target + " differ (" + std::to_string(shape_a[1]) + " and " +
                      std::to_string(shape_b[0]) + ").");
        }
        m.n_in  = int32_t(shape_a[0]);
        m.n_out = int32_t(shape_b[1]);
        m.a     = file.values(i);
        m.b     = file.values(b);
        if (!all_finite(m.a) || !all_finite(m.b)) { // every answer would be one of nothing
            throw bad(" is damaged: the matrices of " + m.target + " hold values that are no finite numbers.");
        }
        ranks.push_back(shape_a[1]);
        adapter.set.matrices.push_back(std::move(m));
    }
    if (ranks.empty()) {
        throw bad(" holds no LoRA matrices.");
    }

    const int64_t rank = *std::max_element(ranks.begin(), ranks.end());
    adapter.set.rank   = int32_t(rank);
    adapter.set.scale  = adapter.alpha != 0.0f ? adapter.alpha / float(rank) : 1.0f; // as llama_adapter_lora does
    for (size_t i = 0; i < ranks.size(); ++i) {
        lora_matrix & m = adapter.set.matrices[i];
        if (ranks[i] < rank) {
            m.a = padded(m.a, ranks[i], m.n_in, rank, m.n_in);
            m.b = padded(m.b, m.n_out, ranks[i], m.n_out, rank);
            if (adapter.alpha != 0.0f) { // its own scale is alpha / its own rank
                for (float & x : m.b) {
                    x *= float(rank) / float(ranks[i]);
                }
            }
        }
    }
    return adapter;
}

} // namespace magnet
