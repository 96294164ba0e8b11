// A GBNF grammar that the next tokens must match: llama.cpp's, behind a guard against what strangers write. What it lets through is
// UTF-8 (llama.cpp alone would take bytes for characters that are none).
#pragma once

#include "model/model.h"

#include <functional>
#include <memory>
#include <string>

namespace magnet {

struct llama_sampler_deleter {
    void operator()(llama_sampler * sampler) const { llama_sampler_free(sampler); }
};
using llama_sampler_ptr = std::unique_ptr<llama_sampler, llama_sampler_deleter>;

// Every function throws INVALID_ARGUMENT where the grammar is too much for llama.cpp, with the reason.
class grammar {
public:
    // root: NULL = "root". Throws INVALID_ARGUMENT also for a text that is no grammar. m must outlive it.
    grammar(const model & m, const char * text, const char * root);

    void restart();
    void accept(int32_t token);
    void apply(llama_token_data_array & candidates); // forbidden ones become -INFINITY
    bool allows(int32_t token);
    bool is_complete(); // could the text end here? True also where the vocabulary has no token that ends one

private:
    void guarded(const std::function<void()> & work) const;
    bool makes_text(int32_t token) const; // behind what is begun

    const model &     model_;
    llama_sampler_ptr llama_;
    std::string       begun_;     // bytes of a character that is not whole yet
    size_t            stack_ = 0; // bytes that following the longest token takes; 0 = any stack will do
};

// Of a JSON schema. Throws INVALID_ARGUMENT, naming the place in it.
std::unique_ptr<grammar> schema_grammar(const model & m, const char * schema);

} // namespace magnet
