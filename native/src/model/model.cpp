#include "model.h"

#include "base/asserts.h"
#include "base/error.h"
#include "base/gguf-file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/stack.h"
#include "base/utf8.h"
#include "llama/magnet-llama.h"
#include "validate.h"

#include "ggml-backend.h"

#include <algorithm>
#include <cstring>

namespace magnet {

namespace {

constexpr const char * chat_template_key = "tokenizer.chat_template";

void check_file(const gguf_reader & file) {
    const std::string & path = file.path;
    if (file.text("general.type") == "adapter") {
        throw error(MAGNET_STATUS_BAD_FILE, path + " is an adapter, not a model. Load the model it was trained for, then "
                                                   "the adapter.");
    }
    check_metadata(file);
}

// Are all matrices of the layers quantised, or bf16?
bool are_rounded(const gguf_reader & file) {
    for (int64_t i = 0; i < gguf_get_n_tensors(file.meta()); ++i) {
        const std::string name = gguf_get_tensor_name(file.meta(), i);
        const ggml_type   type = gguf_get_tensor_type(file.meta(), i);
        const bool        wide = type == GGML_TYPE_F32 || type == GGML_TYPE_F16;
        if (wide && name.compare(0, 4, "blk.") == 0 && gguf_get_tensor_ne(file.meta(), i)[1] > 1) {
            return false;
        }
    }
    return true;
}

// NULL where llama.cpp refuses the file: then why says it. Throws BAD_FILE where it failed on an assertion.
llama_model * load_checked(const gguf_reader & file, const llama_model_params & params, std::string & why) {
    const log_capture    capture;
    const thrown_asserts asserts;
    llama_model *        loaded = llama_model_load_from_file(file.path.c_str(), params);
    why                         = capture.reason();
    if (!loaded && asserts.failed()) {
        check_tokens(file);
        throw error(MAGNET_STATUS_BAD_FILE, file.path + " is damaged: a check of llama.cpp failed" + why + ".");
    }
    return loaded;
}

// llama.cpp reports fractions of the file.
struct progress_state {
    magnet_progress_callback callback;
    void *                   user_data;
    bool                     cancelled;
};

bool on_progress(float fraction, void * data) {
    auto * state = static_cast<progress_state *>(data);
    if (!state->callback) {
        return true;
    }
    const magnet_progress progress = { (int64_t) (fraction * 1000.0f), 1000 };
    if (!state->callback(&progress, state->user_data)) {
        state->cancelled = true;
    }
    return !state->cancelled;
}

} // namespace

std::vector<std::string> model_parts(const std::string & path) {
    constexpr size_t tail  = 20; // of "-00001-of-00003.gguf"
    int              first = 0, count = 0, end = 0;
    if (path.size() <= tail ||
        std::sscanf(path.c_str() + path.size() - tail, "-%5d-of-%5d.gguf%n", &first, &count, &end) != 2 ||
        end != (int) tail || first != 1) {
        return { path };
    }
    std::vector<std::string> parts;
    for (int i = 1; i <= count; ++i) {
        char name[40];
        std::snprintf(name, sizeof(name), "-%05d-of-%05d.gguf", i, count);
        parts.push_back(path.substr(0, path.size() - tail) + name);
    }
    return parts;
}

bool uses_gpu(int32_t n_gpu_layers) {
    if (n_gpu_layers == 0) {
        return false;
    }
    if (llama_supports_gpu_offload()) {
        return true;
    }
    std::string backends;
    for (size_t i = 0; i < ggml_backend_reg_count(); ++i) {
        backends += (i > 0 ? ", " : "") + std::string(ggml_backend_reg_name(ggml_backend_reg_get(i)));
    }
    log_message(MAGNET_LOG_WARN, "layers were asked for on a GPU (" + std::to_string(n_gpu_layers) +
                                     "), but the backends built in (" + backends +
                                     ") find none: all of them stay on the CPU.");
    return false;
}

std::shared_ptr<model> model::load_vocabulary(const std::string & path) {
    const gguf_reader file(path);
    check_file(file);
    llama_model_params lparams = llama_model_default_params();
    lparams.vocab_only         = true;
    std::string            why;
    std::shared_ptr<model> m(new model(path));
    m->llama_.reset(load_checked(file, lparams, why));
    if (!m->llama_) {
        throw error(MAGNET_STATUS_UNSUPPORTED, "llama.cpp cannot load " + path + why + ".");
    }
    m->read_texts(file);
    m->check_tokenizer();
    return m;
}

// What is the same with and without weights.
void model::read_texts(const gguf_reader & file) {
    meta("general.architecture", architecture_);
    meta("general.name", name_);
    vocab_ = llama_model_get_vocab(llama());
    if (n_vocab() == 0 || llama_vocab_type(vocab_) == LLAMA_VOCAB_TYPE_NONE) {
        throw error(MAGNET_STATUS_UNSUPPORTED, path_ + " has no vocabulary, so it cannot read text.");
    }
    std::string space_prefix;
    space_prefix_ = llama_vocab_type(vocab_) == LLAMA_VOCAB_TYPE_SPM &&
                    !(meta("tokenizer.ggml.add_space_prefix", space_prefix) && space_prefix == "false");
    recipe_ = recipe_of(path_, lookup_of(file.meta()));
}

// A vocabulary of another kind than it is said to be lacks tokens that its tokenizer counts on.
void model::check_tokenizer() const {
    try {
        tokenize("a b", true, true);
    } catch (const error & e) {
        std::string kind;
        meta("tokenizer.ggml.model", kind);
        throw error(MAGNET_STATUS_BAD_FILE, path_ + " is damaged: its tokens are not those of tokenizer.ggml.model \"" + kind +
                                                "\": " + e.what());
    }
}

recipe model::recipe_of(const std::string & file, const meta_lookup & get) const {
    const recipe r = read_recipe(file, get);
    for (const int32_t token : {r.token_mask, r.token_end}) {
        if (token >= n_vocab()) {
            throw error(MAGNET_STATUS_MISMATCH, file + " speaks of token " + std::to_string(token) + ", the model has " +
                                                    std::to_string(n_vocab()) + ". Nothing was loaded.");
        }
    }
    return r;
}

std::shared_ptr<model> model::load(const std::string & path, const magnet_model_params & params) {
    require(params.n_gpu_layers >= -1, "n_gpu_layers", params.n_gpu_layers, ">= 0, or -1 for all");
    const gguf_reader file(path);
    check_file(file);

    progress_state progress = { params.progress, params.progress_user_data, false };

    llama_model_params lparams            = llama_model_default_params();
    lparams.n_gpu_layers                  = params.n_gpu_layers;
    lparams.load_mode                     = params.use_mmap ? params.use_mlock ? LLAMA_LOAD_MODE_MMAP_MLOCK : LLAMA_LOAD_MODE_MMAP
                                            : params.use_mlock ? LLAMA_LOAD_MODE_MLOCK
                                                               : LLAMA_LOAD_MODE_NONE;
    lparams.check_tensors                 = params.check_tensors;
    lparams.progress_callback             = on_progress;
    lparams.progress_callback_user_data   = &progress;

    std::string            why;
    std::shared_ptr<model> m(new model(path));
    m->llama_.reset(load_checked(file, lparams, why));
    if (!m->llama_) {
        if (progress.cancelled) {
            throw error(MAGNET_STATUS_CANCELLED, "loading " + path + " was cancelled.");
        }
        throw error(MAGNET_STATUS_UNSUPPORTED, "llama.cpp cannot load " + path + why + ".");
    }

    m->file_.check_unchanged();

    m->read_texts(file);
    const attention_kind kind = llama_attention_kind(m->llama());
    if (kind == attention_kind::encoder) {
        throw error(MAGNET_STATUS_UNSUPPORTED, path + " has the architecture \"" + m->architecture_ +
                                                   "\", which is no decoder-only language model: it can neither generate "
                                                   "nor infill. Use a decoder such as llama, qwen3 or gemma.");
    }
    m->check_tokenizer();
    m->plain_attention_ = kind == attention_kind::plain;

    m->on_gpu_          = uses_gpu(params.n_gpu_layers);
    m->rounded_weights_ = are_rounded(file);

    char description[256];
    llama_model_desc(m->llama(), description, sizeof(description));
    m->description_ = description;
    return m;
}

magnet_model_info model::info() const {
    const llama_model * l    = llama_.get();
    magnet_model_info   info = {};

    info.architecture            = architecture_.c_str();
    info.description             = description_.c_str();
    info.name                    = name_.c_str();
    info.n_params                = (int64_t) llama_model_n_params(l);
    info.n_bytes                 = (int64_t) llama_model_size(l);
    info.n_vocab                 = n_vocab();
    info.n_embd                  = n_embd();
    info.n_layer                 = llama_model_n_layer(l);
    info.n_head                  = llama_model_n_head(l);
    info.n_head_kv               = llama_model_n_head_kv(l);
    info.n_ctx_train             = n_ctx_train();
    info.token_bos               = llama_vocab_bos(vocab_);
    info.token_eos               = llama_vocab_eos(vocab_);
    info.token_eot               = llama_vocab_eot(vocab_);
    std::string unused;
    info.has_chat_template       = meta(chat_template_key, unused);
    info.can_embed_bidirectional = plain_attention_;
    info.can_infill              = plain_attention_;
    info.context                 = default_context(recipe_);
    info.has_fim_tokens          = fim().found();
    info.bytes_available         = available_memory();
    info.cache_bytes_per_token   = plain_attention_ ? 2 * llama_cache_values_per_token(l) : 0;
    return info;
}

const fim_format & model::fim() const {
    fim_once_([&] { fim_ = find_fim_format(vocab_, name_); });
    return fim_;
}

int32_t model::default_context(const recipe & how) const {
    return how.version == 0 && fim().found() && fim().trained ? int32_t(MAGNET_CONTEXT_FIM) : how.context;
}

bool model::ends_middle(int32_t token) const {
    const std::vector<int32_t> & ends = fim().ends;
    return is_control(token) || llama_vocab_is_eog(vocab_, token) || std::binary_search(ends.begin(), ends.end(), token);
}

bool model::meta(const std::string & key, std::string & value) const {
    const int32_t size = llama_model_meta_val_str(llama_.get(), key.c_str(), nullptr, 0);
    if (size < 0) {
        return false;
    }
    value.resize(size + 1);
    llama_model_meta_val_str(llama_.get(), key.c_str(), value.data(), value.size());
    value.resize(size);
    return true;
}

std::vector<int32_t> model::tokenize(std::string_view text, bool add_special, bool parse_special) const {
    // Many vocabularies (Mistral Nemo's, GPT-4o's, Falcon's) are cut by std::regex, whose matcher calls itself for every
    // character of a piece: 350 bytes of stack each, measured with GCC 12.
    constexpr size_t harmless = 256, stack_per_byte = 1024, stack_base = 1 << 20;
    const size_t     run      = longest_run(text);
    if (run <= harmless) {
        return tokenize_here(text, add_special, parse_special);
    }
    std::vector<int32_t> tokens;
    with_stack(stack_base + run * stack_per_byte,
               [&] { tokens = tokenize_here(text, add_special, parse_special); });
    return tokens;
}

std::vector<int32_t> model::tokenize_here(std::string_view text, bool add_special, bool parse_special) const {
    const thrown_asserts asserts;
    try {
        return tokenize_unchecked(text, add_special, parse_special);
    } catch (const error &) {
        throw;
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const std::exception & e) { // llama.cpp looks for a byte's token with at()
        throw error(MAGNET_STATUS_UNSUPPORTED, "the vocabulary of " + path_ + " lacks a token that this text needs (" +
                                                   e.what() + ").");
    }
}

std::vector<int32_t> model::tokenize_unchecked(std::string_view text, bool add_special, bool parse_special) const {
    std::vector<int32_t> tokens(text.size() + 2);
    int32_t n = llama_tokenize(vocab_, text.data(), (int32_t) text.size(), tokens.data(), (int32_t) tokens.size(),
                               add_special, parse_special);
    if (n == INT32_MIN) {
        throw error(MAGNET_STATUS_TOO_LONG, "the text has more tokens than can be counted.");
    }
    if (n < 0) {
        tokens.resize(-n);
        n = llama_tokenize(vocab_, text.data(), (int32_t) text.size(), tokens.data(), -n, add_special, parse_special);
    }
    tokens.resize(n);
    for (const int32_t token : tokens) {
        if (token < 0 || token >= n_vocab()) { // llama.cpp's answer where a vocabulary has no unknown token
            throw std::out_of_range("no unknown token");
        }
    }
    return tokens;
}

std::vector<int32_t> model::tokenize_continuation(std::string_view text) const {
    if (!space_prefix_ || text.empty()) {
        return tokenize(text, false, false);
    }
    // the space goes in front of a newline, and both are dropped again
    const size_t         n_drop = tokenize("\n", false, false).size();
    std::vector<int32_t> tokens = tokenize("\n" + std::string(text), false, false);
    tokens.erase(tokens.begin(), tokens.begin() + n_drop);
    return tokens;
}

std::string model::token_bytes(int32_t token, bool special) const {
    if (token < 0 || token >= n_vocab()) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "token " + std::to_string(token) + " is not in the vocabulary (0 to " +
                                                        std::to_string(n_vocab() - 1) + ").");
    }
    const thrown_asserts asserts;
    std::string          bytes(32, '\0');
    int32_t              n = llama_token_to_piece(vocab_, token, bytes.data(), (int32_t) bytes.size(), 0, special);
    if (n < 0) {
        bytes.resize(-n);
        n = llama_token_to_piece(vocab_, token, bytes.data(), (int32_t) bytes.size(), 0, special);
    }
    bytes.resize(n);
    return bytes;
}

const std::vector<model::token_utf8> & model::utf8_of_tokens() const {
    utf8_once_([&] {
        std::vector<token_utf8> all(n_vocab());
        for (int32_t t = 0; t < n_vocab(); ++t) {
            const std::string bytes = token_bytes(t, false);
            all[t] = { utf8_may_go_on(bytes), !bytes.empty() && (uint8_t(bytes[0]) & 0xc0) == 0x80 };
        }
        utf8_ = std::move(all);
    });
    return utf8_;
}

std::string model::detokenize(const int32_t * tokens, int32_t n_tokens, bool special) const {
    std::string bytes;
    for (int32_t i = 0; i < n_tokens; ++i) {
        bytes += token_bytes(tokens[i], special);
    }
    return utf8_repair(bytes);
}

std::string model::template_source() const {
    std::string source;
    if (!meta(chat_template_key, source)) {
        throw error(MAGNET_STATUS_UNSUPPORTED, "the model's file has no chat template; write the prompt yourself.");
    }
    return source;
}

tool_format model::calls() const {
    return tool_format_of(template_source());
}

std::vector<prompt_part> model::chat(const magnet_message * messages, int32_t n_messages, const char * tools,
                                     bool add_assistant) const {
    chat_template how;
    how.source        = template_source();
    const auto define = [&](const char * name, int32_t token) {
        if (token >= 0 && token < n_vocab()) {
            how.variables.emplace_back(name, llama_vocab_get_text(vocab_, token));
        }
    };
    define("bos_token", llama_vocab_bos(vocab_));
    define("eos_token", llama_vocab_eos(vocab_));
    define("pad_token", llama_vocab_pad(vocab_));
    define("sep_token", llama_vocab_sep(vocab_));
    std::string unknown;
    if (meta("tokenizer.ggml.unknown_token_id", unknown)) {
        define("unk_token", (int32_t) strtol(unknown.c_str(), nullptr, 10));
    }
    return render_chat(how, messages, n_messages, tools, add_assistant);
}

std::vector<int32_t> model::tokenize(const std::vector<prompt_part> & parts) const {
    control_once_([&] { control_ = std::make_unique<control_tokens>(vocab_); });

    const std::string    text = joined(parts);
    std::vector<int32_t> tokens;
    const auto           add_text = [&](size_t begin, size_t end) {
        const std::vector<int32_t> some = tokenize(std::string_view(text).substr(begin, end - begin), false, false);
        tokens.insert(tokens.end(), some.begin(), some.end());
    };
    const auto is_space = [&](size_t i) { return isspace((unsigned char) text[i]) != 0; };

    size_t done = 0, part_end = 0;
    for (const prompt_part & part : parts) {
        const size_t part_begin = part_end;
        part_end += part.text.size();
        if (part.given) {
            continue;
        }
        const std::string_view upto = std::string_view(text).substr(0, part_end);
        for (auto found = control_->find(upto, part_begin); found.token >= 0; found = control_->find(upto, found.end)) {
            size_t end = found.begin;
            while (found.strips_left && end > done && is_space(end - 1)) {
                --end;
            }
            if (end > done) {
                add_text(done, end);
            }
            tokens.push_back(found.token);
            done = found.end;
            while (found.strips_right && done < text.size() && is_space(done)) {
                ++done;
            }
        }
    }
    if (done < text.size()) {
        add_text(done, text.size());
    }
    return tokens;
}

} // namespace magnet
