#include "merge.h"

#include "base/distinct-files.h"
#include "base/error.h"
#include "base/finite.h"
#include "base/gguf-file.h"
#include "lora.h"
#include "model/lora-file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

namespace magnet::train {

static ggml_type merged_type(merge_type type, ggml_type base) {
    switch (type) {
        case merge_type::f32:
            return GGML_TYPE_F32;
        case merge_type::f16:
            return GGML_TYPE_F16;
        case merge_type::bf16:
            return GGML_TYPE_BF16;
        default:
            return base;
    }
}

// w [n_out, n_in] += scale * B [n_out, rank] A [rank, n_in]
static void add_product(const lora_matrix & m, int32_t rank, float scale, std::vector<float> & w) {
    for (int64_t o = 0; o < m.n_out; ++o) {
        float * row = w.data() + o * m.n_in;
        for (int64_t r = 0; r < rank; ++r) {
            const float   factor = scale * m.b[o * rank + r];
            const float * a      = m.a.data() + r * m.n_in;
            for (int64_t i = 0; i < m.n_in; ++i) {
                row[i] += factor * a[i];
            }
        }
    }
}

static std::vector<uint8_t> in_type(ggml_type type, const std::vector<float> & w, int64_t n_rows, int64_t n_columns) {
    std::vector<uint8_t> stored(ggml_row_size(type, n_columns) * n_rows);
    ggml_quantize_chunk(type, w.data(), stored.data(), 0, n_rows, n_columns, nullptr);
    return stored;
}

// What a reader will find.
static std::vector<float> as_floats(ggml_type type, const std::vector<uint8_t> & stored, size_t n) {
    std::vector<float> w(n);
    if (type == GGML_TYPE_F32) {
        std::memcpy(w.data(), stored.data(), stored.size());
    } else {
        ggml_get_type_traits(type)->to_float(stored.data(), w.data(), int64_t(n));
    }
    return w;
}

merge_result merge_lora(const std::string & base, const std::string & adapter, float scale, merge_type type,
                        const std::string & output) {
    require(std::isfinite(scale), "scale", scale, "finite");
    check_distinct({{"the model", base}, {"the adapter", adapter}}, {{"the output", output}});
    const gguf_reader  model(base);
    if (model.integer("split.count", 1) > 1) {
        throw error(MAGNET_STATUS_UNSUPPORTED, base + " is one part of a split model; merge the parts first "
                                                      "(llama-gguf-split --merge).");
    }
    const lora_adapter lora = load_lora(adapter);
    const std::string  arch = model.text("general.architecture");
    if (arch != lora.arch) {
        throw error(MAGNET_STATUS_MISMATCH, adapter + " was trained for architecture \"" + lora.arch +
                                                "\", the model is \"" + arch + "\". Nothing was written.");
    }
    const int64_t tokens = gguf_find_key(model.meta(), "tokenizer.ggml.tokens");
    for (const int32_t token : {lora.how.token_mask, lora.how.token_end}) {
        if (tokens >= 0 && token >= int64_t(gguf_get_arr_n(model.meta(), tokens))) {
            throw error(MAGNET_STATUS_MISMATCH, adapter + " speaks of token " + std::to_string(token) + ", " + base + " has " +
                                                    std::to_string(gguf_get_arr_n(model.meta(), tokens)) + ". Nothing was written.");
        }
    }
    std::map<std::string, const lora_matrix *> adapted;
    for (const lora_matrix & m : lora.set.matrices) {
        const int64_t id = model.find(m.target);
        if (id < 0 || model.n_elements(id) != int64_t(m.n_in) * m.n_out || model.shape(id).front() != m.n_in) {
            throw error(MAGNET_STATUS_MISMATCH, adapter + " adapts " + m.target + " [" + std::to_string(m.n_out) +
                                                    ", " + std::to_string(m.n_in) + "], which " + base +
                                                    (id < 0 ? " does not have." : " has in another size.") +
                                                    " Nothing was written.");
        }
        adapted[m.target] = &m;
    }

    const gguf_ptr meta(gguf_init_empty());
    gguf_set_kv(meta.get(), model.meta());
    if (lora.how.version > 0) {
        write_recipe(lora.how, meta.get());
    }
    merge_result             done;
    std::vector<gguf_tensor> tensors;
    std::vector<uint8_t>     stored;
    for (int64_t id = 0; id < gguf_get_n_tensors(model.meta()); ++id) {
        const std::string name  = gguf_get_tensor_name(model.meta(), id);
        const auto        found = adapted.find(name);
        gguf_tensor       t     = {name, gguf_get_tensor_type(model.meta(), id), model.shape(id), nullptr};
        if (found == adapted.end()) {
            t.data = [&, id]() -> const void * { return (stored = model.bytes(id)).data(); };
        } else {
            const lora_matrix * m = found->second;
            t.type                = merged_type(type, t.type);
            if (ggml_quantize_requires_imatrix(t.type)) {
                throw error(MAGNET_STATUS_UNSUPPORTED, name + " has type " + ggml_type_name(t.type) +
                                                           ", which cannot be written without an importance matrix; "
                                                           "merge to f16 and quantise that with llama-quantize.");
            }
            t.data = [&, id, m, to = t.type]() -> const void * {
                std::vector<float> w = model.values(id);
                add_product(*m, lora.set.rank, scale * lora.set.scale, w);
                if (!all_finite(w)) {
                    throw error(MAGNET_STATUS_BAD_FILE, m->target + " would hold weights that are no finite numbers: the scale, " +
                                                            number_text(scale) + ", is too large, or a weight of " + base +
                                                            " is damaged. Nothing was written.");
                }
                stored = in_type(to, w, m->n_out, m->n_in);
                if (!all_finite(w = as_floats(to, stored, w.size()))) {
                    throw error(MAGNET_STATUS_BAD_FILE, m->target + " would hold weights that are too large for " +
                                                            ggml_type_name(to) + ". Merge to bf16 or f32, or lower the scale, " +
                                                            number_text(scale) + ". Nothing was written.");
                }
                return stored.data();
            };
            ++done.n_matrices;
        }
        done.n_bytes += int64_t(ggml_row_size(t.type, t.shape[0]) * (model.n_elements(id) / t.shape[0]));
        tensors.push_back(std::move(t));
    }
    write_gguf(output, meta.get(), tensors);
    return done;
}

} // namespace magnet::train
