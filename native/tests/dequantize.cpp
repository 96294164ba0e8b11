// dequantize IN.gguf OUT.gguf: the same model with all weights in F32, to see what quantisation costs.
#include "ggml.h"
#include "gguf.h"

#include <cstdio>
#include <memory>
#include <vector>

int main(int argc, char ** argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: dequantize IN.gguf OUT.gguf\n");
        return 2;
    }

    ggml_context * tensors = nullptr;
    gguf_context * in      = gguf_init_from_file(argv[1], { false, &tensors });
    if (!in) {
        fprintf(stderr, "dequantize: cannot read %s\n", argv[1]);
        return 1;
    }

    gguf_context * out = gguf_init_empty();
    gguf_set_kv(out, in);
    gguf_set_val_u32(out, "general.file_type", 0); // all F32

    // no_alloc: the data stays in the vectors below
    std::vector<std::vector<float>> data;
    ggml_context *                  ctx = ggml_init({ ggml_tensor_overhead() * (size_t) gguf_get_n_tensors(in), nullptr, true });
    for (int64_t i = 0; i < gguf_get_n_tensors(in); ++i) {
        const ggml_tensor * t = ggml_get_tensor(tensors, gguf_get_tensor_name(in, i));
        data.emplace_back(ggml_nelements(t));
        if (t->type == GGML_TYPE_F32) {
            std::copy((float *) t->data, (float *) t->data + data.back().size(), data.back().begin());
        } else {
            ggml_get_type_traits(t->type)->to_float(t->data, data.back().data(), (int64_t) data.back().size());
        }
        ggml_tensor * f32 = ggml_new_tensor(ctx, GGML_TYPE_F32, ggml_n_dims(t), t->ne);
        ggml_set_name(f32, t->name);
        f32->data = data.back().data();
        gguf_add_tensor(out, f32);
    }

    const bool ok = gguf_write_to_file(out, argv[2], false);
    gguf_free(out);
    gguf_free(in);
    ggml_free(ctx);
    ggml_free(tensors);
    if (!ok) {
        fprintf(stderr, "dequantize: cannot write %s\n", argv[2]);
    }
    return ok ? 0 : 1;
}
