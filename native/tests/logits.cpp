// logits MODEL OUT: writes what plain causal use of llama.h computes, as float32. Built against the patched and against
// the stock llama.cpp (magnet_twin_program); the two files must be equal to the bit.
#include "llama.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

namespace {

using context = std::unique_ptr<llama_context, decltype(&llama_free)>;

struct run {
    llama_model * model;
    FILE *        out;
    uint32_t      random = 42;

    [[noreturn]] void fail(const char * what) const {
        fprintf(stderr, "logits: %s\n", what);
        exit(1);
    }

    int32_t n_vocab() const { return llama_vocab_n_tokens(llama_model_get_vocab(model)); }

    llama_token next_token() {
        random = random * 1664525 + 1013904223;
        return (llama_token) ((random >> 8) % (uint32_t) n_vocab());
    }

    void write(const float * data, int32_t n) const {
        if (!data || fwrite(data, sizeof(float), n, out) != (size_t) n) {
            fail("no output");
        }
    }

    // Small ubatches, so that a batch is split and later parts see the KV cache.
    context make(llama_flash_attn_type flash, bool unified, enum llama_pooling_type pooling) const {
        llama_context_params params = llama_context_default_params();
        params.n_ctx                = 384;
        params.n_batch              = 96;
        params.n_ubatch             = 24;
        params.n_seq_max            = 3;
        params.n_threads            = 1;
        params.n_threads_batch      = 1;
        params.flash_attn_type      = flash;
        params.kv_unified           = unified;
        params.embeddings           = pooling != LLAMA_POOLING_TYPE_NONE;
        params.pooling_type         = pooling;
        context ctx(llama_init_from_model(model, params), llama_free);
        if (!ctx) {
            fail("no context");
        }
        return ctx;
    }

    // One batch of n tokens at pos… for every sequence, all logits written.
    void decode(llama_context * ctx, int32_t n_seqs, llama_pos pos, int32_t n) {
        llama_batch batch = llama_batch_init(n_seqs * n, 0, 1);
        for (int32_t s = 0; s < n_seqs; ++s) {
            for (int32_t i = 0; i < n; ++i) {
                const int32_t k    = batch.n_tokens++;
                batch.token[k]     = next_token();
                batch.pos[k]       = pos + i;
                batch.n_seq_id[k]  = 1;
                batch.seq_id[k][0] = s;
                batch.logits[k]    = true;
            }
        }
        if (llama_decode(ctx, batch) != 0) {
            fail("decode failed");
        }
        for (int32_t k = 0; k < batch.n_tokens; ++k) {
            write(llama_get_logits_ith(ctx, k), n_vocab());
        }
        llama_batch_free(batch);
    }

    void generation(llama_flash_attn_type flash, bool unified) {
        const context ctx = make(flash, unified, LLAMA_POOLING_TYPE_NONE);
        decode(ctx.get(), 1, 0, 40);
        decode(ctx.get(), 1, 40, 1);
        llama_memory_seq_rm(llama_get_memory(ctx.get()), 0, 30, -1); // the cache goes back, then on
        decode(ctx.get(), 1, 30, 1);
        llama_memory_clear(llama_get_memory(ctx.get()), true);
        decode(ctx.get(), 3, 0, 20);
        decode(ctx.get(), 3, 20, 1);
    }

    void embedding(enum llama_pooling_type pooling) {
        const context ctx = make(LLAMA_FLASH_ATTN_TYPE_AUTO, true, pooling);
        decode(ctx.get(), 3, 0, 8); // a pooled sequence must fit one ubatch
        for (int32_t s = 0; s < 3; ++s) {
            write(llama_get_embeddings_seq(ctx.get(), s), llama_model_n_embd(model));
        }
    }
};

} // namespace

int main(int argc, char ** argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: logits MODEL OUT\n");
        return 2;
    }
    llama_backend_init();
    llama_model_params params = llama_model_default_params();
    params.n_gpu_layers       = 0;

    const std::unique_ptr<llama_model, decltype(&llama_model_free)> model(llama_model_load_from_file(argv[1], params),
                                                                          llama_model_free);
    const std::unique_ptr<FILE, decltype(&fclose)>                  out(fopen(argv[2], "wb"), fclose);
    if (!model || !out) {
        fprintf(stderr, "logits: cannot open %s or %s\n", argv[1], argv[2]);
        return 1;
    }
    run r{ model.get(), out.get() };
    for (const bool unified : { true, false }) {
        r.generation(LLAMA_FLASH_ATTN_TYPE_ENABLED, unified);
        r.generation(LLAMA_FLASH_ATTN_TYPE_DISABLED, unified);
    }
    r.embedding(LLAMA_POOLING_TYPE_MEAN);
    r.embedding(LLAMA_POOLING_TYPE_LAST);
    return 0;
}
