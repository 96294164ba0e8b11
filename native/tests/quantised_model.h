// A tiny model whose weights have the types of a quantised file.
#pragma once

#include "gradient_fixture.h"

#include "llama.h"

namespace magnet::testing {

// A llama of rows long enough for every type, with weights of the types that a quantised file has.
class quantised_model : public temporary_model {
public:
    quantised_model(int32_t n_expert, llama_ftype type) : quantised_model(shape(n_expert), type) {}

    quantised_model(const tiny_model_params & shape, llama_ftype type) : temporary_model(shape) {
        const temporary_model       full(shape);
        llama_model_quantize_params how = llama_model_quantize_default_params();
        how.nthread                     = 1;
        how.ftype                       = type;
        how.token_embedding_type        = GGML_TYPE_Q8_0; // llama.cpp looks them up on the CPU, which knows all types
        REQUIRE(llama_model_quantize(full.path.c_str(), path.c_str(), &how) == 0);
    }

private:
    static tiny_model_params shape(int32_t n_expert) {
        tiny_model_params p = with_experts({}, n_expert, n_expert / 2);
        p.n_embd   = p.n_ff  = 256;
        p.head_dim = p.n_rot = 64;
        p.tied     = false;
        return p;
    }
};

} // namespace magnet::testing
