// adapter-logits MODEL ADAPTER OUT: causal logits of a few tokens with a LoRA adapter ("-" = none), as float32, by plain
// use of llama.h. Built against the stock llama.cpp (magnet_twin_program): does it read our adapters as we mean them?
#include "llama.h"

#include <cstdio>
#include <cstring>
#include <vector>

int main(int argc, char ** argv) {
    if (argc != 4) {
        return 2;
    }
    llama_model * model = llama_model_load_from_file(argv[1], llama_model_default_params());
    if (!model) {
        return 1;
    }
    llama_context_params params = llama_context_default_params();
    params.n_ctx                = 64;
    params.n_threads = params.n_threads_batch = 1;
    params.flash_attn_type                    = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.type_k = params.type_v = GGML_TYPE_F32;
    llama_context * ctx           = llama_init_from_model(model, params);
    if (std::strcmp(argv[2], "-") != 0) {
        llama_adapter_lora * adapter = llama_adapter_lora_init(model, argv[2]);
        float                scale   = 1.0f;
        if (!adapter || llama_set_adapters_lora(ctx, &adapter, 1, &scale) != 0) {
            return 1;
        }
    }
    const int   n     = 16;
    llama_batch batch = llama_batch_init(n, 0, 1);
    for (batch.n_tokens = 0; batch.n_tokens < n; ++batch.n_tokens) {
        const int i         = batch.n_tokens;
        batch.token[i]      = 3 + 13 * i % 90;
        batch.pos[i]        = i;
        batch.n_seq_id[i]   = 1;
        batch.seq_id[i][0]  = 0;
        batch.logits[i]     = 1;
    }
    if (llama_decode(ctx, batch) != 0) {
        return 1;
    }
    FILE *       out = std::fopen(argv[3], "wb");
    const size_t v   = size_t(llama_vocab_n_tokens(llama_model_get_vocab(model)));
    const bool   ok  = out && std::fwrite(llama_get_logits(ctx), sizeof(float), v * n, out) == v * n && std::fclose(out) == 0;
    llama_batch_free(batch);
    llama_free(ctx);
    llama_model_free(model);
    return ok ? 0 : 1;
}
