// One GGUF model: weights, vocabulary, metadata. Immutable after loading, shared by sessions, any thread may read.
#pragma once

#include "magnet.h"

#include "base/file-identity.h"
#include "base/once.h"
#include "chat.h"
#include "control-tokens.h"
#include "fim.h"
#include "llama.h"
#include "recipe.h"
#include "tool-format.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace magnet {

class gguf_reader;

struct llama_model_deleter {
    void operator()(llama_model * model) const { llama_model_free(model); }
};

// The files of a model: path, or where it is the first of several (model-00001-of-00003.gguf), all of them.
std::vector<std::string> model_parts(const std::string & path);

// Are layers to lie on a GPU, and is there one? Where they are and there is none, the log says so as a warning.
bool uses_gpu(int32_t n_gpu_layers);

class model {
public:
    // Throws magnet::error (IO, BAD_FILE, UNSUPPORTED, OUT_OF_MEMORY, CANCELLED).
    static std::shared_ptr<model> load(const std::string & path, const magnet_model_params & params);

    // The same without its weights: only what concerns text and metadata can be asked of it.
    static std::shared_ptr<model> load_vocabulary(const std::string & path);

    llama_model *       llama() const { return llama_.get(); }
    const llama_vocab * vocab() const { return vocab_; }
    const std::string & path() const { return path_; }
    const file_identity & file() const { return file_; } // as it was when the weights were loaded
    const std::string & architecture() const { return architecture_; }

    int32_t n_vocab() const { return llama_vocab_n_tokens(vocab_); }
    int32_t n_embd() const { return llama_model_n_embd_out(llama_.get()); }
    int32_t n_ctx_train() const { return llama_model_n_ctx_train(llama_.get()); }
    bool    has_plain_attention() const { return plain_attention_; }
    bool    on_gpu() const { return on_gpu_; } // some of its layers at least
    bool    has_rounded_weights() const { return rounded_weights_; } // no matrix of a layer is F16 or F32

    // The pointers borrow from the model. What is about the fused engine is left to engine_choice.
    magnet_model_info info() const;

    // What the file says of how it was trained: that of the adapter that magnet_merge put into it, or version 0.
    const recipe & how() const { return recipe_; }

    // The recipe of a file that goes with this model. Throws as read_recipe does, naming the file, and MISMATCH if it
    // speaks of tokens that the model does not have.
    recipe recipe_of(const std::string & file, const meta_lookup & get) const;

    // Value of a metadata key, or false.
    bool meta(const std::string & key, std::string & value) const;

    // text is UTF-8; throws TOO_LONG if it has more tokens than an int32 counts, UNSUPPORTED if the vocabulary lacks one.
    std::vector<int32_t> tokenize(std::string_view text, bool add_special, bool parse_special) const;

    // The same for a text that goes on after another one: SentencePiece vocabularies put no space in front of it.
    std::vector<int32_t> tokenize_continuation(std::string_view text) const;

    // Raw bytes; control tokens are left out unless special.
    std::string token_bytes(int32_t token, bool special) const;
    // Could text begin with the token's bytes? Could they go on a character that is begun? Of all tokens, made when first asked for.
    struct token_utf8 {
        bool begins, goes_on;
    };
    const std::vector<token_utf8> & utf8_of_tokens() const;

    std::string detokenize(const int32_t * tokens, int32_t n_tokens, bool special) const;
    bool        is_control(int32_t token) const { return llama_vocab_is_control(vocab_, token); }

    // How the vocabulary asks for what is missing in the middle; found() is false where it cannot.
    const fim_format & fim() const;

    // The enum magnet_context of a call that names none: the recipe's; without one FIM where the model was trained on it, else
    // ORDERED.
    int32_t default_context(const recipe & how) const;

    // Does this token end what is missing in the middle? All control tokens do: none is part of a text.
    bool ends_middle(int32_t token) const;

    // What the template in the model's file makes of a conversation. Throws UNSUPPORTED if it has none, and as
    // render_chat does.
    std::vector<prompt_part> chat(const magnet_message * messages, int32_t n_messages, const char * tools, bool add_assistant) const;

    // The chat template in the model's file. Throws UNSUPPORTED if there is none.
    std::string template_source() const;

    // The form in which it shows calls of tools. Throws UNSUPPORTED if there is none.
    tool_format calls() const;

    // The tokens of a prompt, no BOS added. Control tokens are read in what the template wrote, nowhere else: the rest is
    // tokenised as if it were one text, as the whole of it would be if nothing that was given looked like one.
    std::vector<int32_t> tokenize(const std::vector<prompt_part> & parts) const;

    // llama.cpp keeps the list of a model's adapters in the model: changes to it take turns.
    std::mutex & adapter_mutex() const { return adapter_mutex_; }

    // Calls of its sessions that run now.
    std::atomic<int32_t> & running_calls() const { return running_calls_; }

private:
    explicit model(const std::string & path) : path_(path), file_(path) {}
    void read_texts(const gguf_reader & file);
    void check_tokenizer() const;

    std::vector<int32_t> tokenize_here(std::string_view text, bool add_special, bool parse_special) const;
    std::vector<int32_t> tokenize_unchecked(std::string_view text, bool add_special, bool parse_special) const;

    std::string                                       path_;
    file_identity                                     file_;
    std::unique_ptr<llama_model, llama_model_deleter> llama_;
    const llama_vocab *                               vocab_           = nullptr;
    bool                                              plain_attention_ = false;
    bool                                              on_gpu_          = false;
    bool                                              rounded_weights_ = false;
    bool                                              space_prefix_    = false; // a text's first word gets a space
    std::string                                       architecture_;
    std::string                                       description_;
    std::string                                       name_;
    recipe                                            recipe_;
    mutable std::mutex                                adapter_mutex_;
    mutable std::atomic<int32_t>                      running_calls_{ 0 };
    mutable once                                      fim_once_;
    mutable fim_format                                fim_; // looked for when first needed
    mutable once                                      utf8_once_;
    mutable std::vector<token_utf8>                   utf8_;
    mutable once                                      control_once_;
    mutable std::unique_ptr<control_tokens>           control_; // made when first needed
};

} // namespace magnet
