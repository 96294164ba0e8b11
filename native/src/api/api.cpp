// Every function of magnet.h: checks of pointers, the call, the status. What they mean is said in the header.
#include "model/tool-calls.h"
#include "base/log.h"
#include "base/text.h"
#include "handles.h"
#include "magnet-mask.h"
#include "session/fim-prompt.h"
#include "session/layout.h"
#include "session/precision.h"

#include <algorithm>
#include <cmath>

using namespace magnet;

static_assert((int) MAGNET_ROLE_SPAN == (int) MAGNET_MASK_SPAN && (int) MAGNET_ROLE_CONTEXT == (int) MAGNET_MASK_CONTEXT &&
                  (int) MAGNET_ROLE_ORDERED == (int) MAGNET_MASK_ORDERED,
              "the roles of the C contract are those of the mask");

std::string & magnet::last_error() {
    static thread_local std::string message;
    return message;
}

// ------------------------------------------------------------------------------------------------ library

int32_t magnet_abi_version(void) {
    return MAGNET_ABI_VERSION;
}

const char * magnet_version(void) {
    return MAGNET_VERSION " (llama.cpp " MAGNET_LLAMA_TAG ")";
}

const char * magnet_status_name(int32_t status) {
    switch (status) {
        case MAGNET_STATUS_OK:               return "OK";
        case MAGNET_STATUS_INVALID_ARGUMENT: return "INVALID_ARGUMENT";
        case MAGNET_STATUS_IO:               return "IO";
        case MAGNET_STATUS_BAD_FILE:         return "BAD_FILE";
        case MAGNET_STATUS_UNSUPPORTED:      return "UNSUPPORTED";
        case MAGNET_STATUS_MISMATCH:         return "MISMATCH";
        case MAGNET_STATUS_TOO_LONG:         return "TOO_LONG";
        case MAGNET_STATUS_OUT_OF_MEMORY:    return "OUT_OF_MEMORY";
        case MAGNET_STATUS_CANCELLED:        return "CANCELLED";
        case MAGNET_STATUS_BUSY:             return "BUSY";
        case MAGNET_STATUS_BUFFER_TOO_SMALL: return "BUFFER_TOO_SMALL";
        case MAGNET_STATUS_INTERNAL:         return "INTERNAL";
        case MAGNET_STATUS_DIVERGED:         return "DIVERGED";
        default:                             return "UNKNOWN";
    }
}

const char * magnet_last_error(void) {
    return last_error().c_str();
}

void magnet_log_set(magnet_log_callback callback, void * user_data) {
    guard([&] { log_set(callback, user_data); });
}

// ------------------------------------------------------------------------------------------------ model

magnet_model_params magnet_model_default_params(void) {
    magnet_model_params p = {};
    p.use_mmap            = true;
    return p;
}

int32_t magnet_model_load(const char * path, const magnet_model_params * params, magnet_model ** out_model) {
    return guard([&] {
        not_null(path, "path");
        check_out_handle(out_model, "out_model");
        const magnet_model_params with = params ? *params : magnet_model_default_params();
        check_weights(with.weights);
        const auto impl = model::load(path, with);
        *out_model      = new magnet_model{ impl, std::make_shared<engine_choice>(impl, with.weights) };
    });
}

void magnet_model_free(magnet_model * m) {
    guard([&] { delete m; });
}

int32_t magnet_model_get_info(const magnet_model * m, magnet_model_info * out_info) {
    return guard([&] {
        magnet_model_info info = not_null(m, "model").impl->info();
        m->engines->describe(info);
        not_null(out_info, "out_info") = info;
    });
}

int32_t magnet_model_check_training(const magnet_model * m, int32_t engine) {
    return guard([&] { not_null(m, "model").engines->check_training(engine); });
}

int32_t magnet_model_meta_count(const magnet_model * m) {
    int32_t n = 0;
    guard([&] { n = llama_model_meta_count(not_null(m, "model").impl->llama()); });
    return n;
}

namespace {

using meta_getter = int32_t (*)(const llama_model *, int32_t, char *, size_t);

void copy_meta(const magnet_model * m, int32_t index, meta_getter get, char * buffer, int32_t capacity, int32_t * out_size) {
    const llama_model * l = not_null(m, "model").impl->llama();
    if (index < 0 || index >= llama_model_meta_count(l)) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "index is " + std::to_string(index) + "; the model has " +
                                                        std::to_string(llama_model_meta_count(l)) + " metadata keys.");
    }
    std::string text(get(l, index, nullptr, 0) + 1, '\0');
    get(l, index, text.data(), text.size());
    text.pop_back();
    copy_out(text, buffer, capacity, out_size);
}

} // namespace

int32_t magnet_model_meta_key(const magnet_model * m, int32_t index, char * buffer, int32_t capacity, int32_t * out_size) {
    return guard([&] { copy_meta(m, index, llama_model_meta_key_by_index, buffer, capacity, out_size); });
}

int32_t magnet_model_meta_value(const magnet_model * m, int32_t index, char * buffer, int32_t capacity,
                                int32_t * out_size) {
    return guard([&] { copy_meta(m, index, llama_model_meta_val_str_by_index, buffer, capacity, out_size); });
}

// ------------------------------------------------------------------------------------------------ tokens

int32_t magnet_tokenize(const magnet_model * m, magnet_text text, bool add_special, bool parse_special,
                        int32_t * out_tokens, int32_t capacity, int32_t * out_count) {
    return guard([&] {
        const model & impl   = *not_null(m, "model").impl;
        const auto    tokens = impl.tokenize(checked_text(text, "the text"), add_special, parse_special);
        copy_out(tokens.data(), (int64_t) tokens.size(), out_tokens, capacity, out_count);
    });
}

int32_t magnet_detokenize(const magnet_model * m, const int32_t * tokens, int32_t n_tokens, bool special, char * buffer,
                          int32_t capacity, int32_t * out_size) {
    return guard([&] {
        const model & impl = *not_null(m, "model").impl;
        check_array(tokens, n_tokens, "tokens");
        copy_out(impl.detokenize(tokens, n_tokens, special), buffer, capacity, out_size);
    });
}

int32_t magnet_token_bytes(const magnet_model * m, int32_t token, char * buffer, int32_t capacity, int32_t * out_size) {
    return guard([&] {
        const std::string bytes = not_null(m, "model").impl->token_bytes(token, true);
        copy_out(bytes.data(), (int64_t) bytes.size(), buffer, capacity, out_size);
    });
}

namespace {

std::vector<prompt_part> chat(const magnet_model * m, const magnet_message * messages, int32_t n_messages,
                              const char * tools, bool add_assistant) {
    const model & impl = *not_null(m, "model").impl;
    check_array(messages, n_messages, "messages");
    if (n_messages == 0) { // many templates write their default system message then, and a model would answer that
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "there is no message; a chat needs one at least.");
    }
    for (int32_t i = 0; i < n_messages; ++i) {
        const std::string what = "message " + std::to_string(i);
        checked_text({ &not_null(messages[i].role, (what + "'s role").c_str()), -1 }, what + "'s role");
        checked_text(messages[i].content, what);
        checked_text({ messages[i].tool_call_id, -1 }, what + "'s tool_call_id");
    }
    return impl.chat(messages, n_messages, tools, add_assistant);
}

} // namespace

int32_t magnet_chat_prompt(const magnet_model * m, const magnet_message * messages, int32_t n_messages,
                           const char * tools, bool add_assistant, char * buffer, int32_t capacity, int32_t * out_size) {
    return guard([&] { copy_out(joined(chat(m, messages, n_messages, tools, add_assistant)), buffer, capacity, out_size); });
}

int32_t magnet_chat_tokens(const magnet_model * m, const magnet_message * messages, int32_t n_messages,
                           const char * tools, bool add_assistant, bool parse_special, int32_t * out_tokens,
                           int32_t capacity, int32_t * out_count) {
    return guard([&] {
        const std::vector<prompt_part> parts  = chat(m, messages, n_messages, tools, add_assistant);
        const std::vector<int32_t>     tokens = parse_special ? m->impl->tokenize(joined(parts), false, true)
                                                              : m->impl->tokenize(parts);
        copy_out(tokens.data(), (int64_t) tokens.size(), out_tokens, capacity, out_count);
    });
}

int32_t magnet_tool_grammar(const magnet_model * m, const char * tools, const char * name, char * buffer, int32_t capacity,
                            int32_t * out_size) {
    return guard([&] {
        const model & impl = *not_null(m, "model").impl;
        not_null(tools, "tools");
        copy_out(tool_grammar(impl.calls(), tools, name), buffer, capacity, out_size);
    });
}

namespace {

// Freed as a whole: the struct that callers see comes first.
struct published_calls : magnet_tool_calls {
    tool_answer                   answer;
    std::vector<magnet_tool_call> list;
};

} // namespace

int32_t magnet_tool_calls_read(const magnet_model * m, const char * tools, magnet_text answer, magnet_tool_calls ** out_calls) {
    return guard([&] {
        check_out_handle(out_calls, "out_calls");
        const tool_format format = not_null(m, "model").impl->calls();
        auto              owned  = std::make_unique<published_calls>();
        owned->answer            = read_tool_calls(format, std::string(checked_text(answer, "the answer")),
                                                   tools ? parsed_tools(tools) : nlohmann::ordered_json());
        for (const tool_call & call : owned->answer.calls) {
            const auto readable = [&](const std::string & text) { return call.readable ? text.c_str() : nullptr; };
            owned->list.push_back({ readable(call.name), readable(call.arguments), call.text.c_str() });
        }
        owned->content = owned->answer.content.c_str();
        owned->calls   = owned->list.data();
        owned->n_calls = (int32_t) owned->list.size();
        *out_calls     = owned.release();
    });
}

void magnet_tool_calls_free(magnet_tool_calls * calls) {
    guard([&] { delete static_cast<published_calls *>(calls); });
}

// ------------------------------------------------------------------------------------------------ adapters

int32_t magnet_adapter_load(magnet_model * m, const char * path, magnet_adapter ** out_adapter) {
    return guard([&] {
        not_null(path, "path");
        check_out_handle(out_adapter, "out_adapter");
        *out_adapter = new magnet_adapter{ adapter::load(not_null(m, "model").impl, path) };
    });
}

void magnet_adapter_free(magnet_adapter * a) {
    guard([&] { delete a; });
}

int32_t magnet_adapter_get_info(const magnet_adapter * a, magnet_adapter_info * out_info) {
    return guard([&] { not_null(out_info, "out_info") = not_null(a, "adapter").impl->info(); });
}

// ------------------------------------------------------------------------------------------------ session

magnet_session_params magnet_session_default_params(void) {
    magnet_session_params p = {};
    p.batch               = 2048;
    p.n_threads             = -1;
    p.flash_attention       = MAGNET_FLASH_ATTENTION_AUTO;
    p.engine                = MAGNET_ENGINE_AUTO;
    p.reuse_prefix          = true;
    return p;
}

int32_t magnet_session_create(magnet_model * m, const magnet_session_params * params, magnet_session ** out_session) {
    return guard([&] {
        check_out_handle(out_session, "out_session");
        not_null(m, "model");
        *out_session = new magnet_session{ { m->impl, m->engines, params ? *params : magnet_session_default_params() } };
    });
}

void magnet_session_free(magnet_session * s) {
    guard([&] { delete s; });
}

int32_t magnet_session_set_adapters(magnet_session * s, magnet_adapter * const * adapters, const float * scales,
                                    int32_t n) {
    return guard([&] {
        session &           impl = not_null(s, "session").impl;
        const session::call call(impl);
        check_array(adapters, n, "adapters");
        std::vector<used_adapter> uses;
        for (int32_t i = 0; i < n; ++i) {
            const std::string name = "adapters[" + std::to_string(i) + "]";
            uses.push_back({ not_null(adapters[i], name.c_str()).impl, scales ? scales[i] : 1.0f });
        }
        impl.set_adapters(uses);
    });
}

void magnet_session_cancel(magnet_session * s) {
    if (s) {
        s->impl.cancel();
    }
}

int32_t magnet_session_reset(magnet_session * s) {
    return guard([&] {
        session &           impl = not_null(s, "session").impl;
        const session::call call(impl);
        impl.reset();
    });
}

// ------------------------------------------------------------------------------------------------ embed

magnet_embed_params magnet_embed_default_params(void) {
    magnet_embed_params p = {};
    p.normalize           = true;
    p.append_eos          = true;
    return p;
}

namespace {

void check_room(const float * out, int64_t capacity, int64_t needed) {
    if (needed > 0 && (!out || capacity < needed)) {
        throw error(MAGNET_STATUS_BUFFER_TOO_SMALL, "out has room for " + std::to_string(out ? capacity : 0) + " floats; " +
                                                        std::to_string(needed) + " are needed.");
    }
}

} // namespace

int32_t magnet_embed(magnet_session * s, const magnet_text * texts, int32_t n_texts, const magnet_embed_params * params,
                     float * out, int64_t capacity, int32_t * out_n_tokens) {
    return guard([&] {
        session &           impl = not_null(s, "session").impl;
        const session::call call(impl);
        check_array(texts, n_texts, "texts");
        const magnet_embed_params how = params ? *params : magnet_embed_default_params();
        check_room(out, capacity, (int64_t) n_texts * impl.n_dimensions(how));
        impl.embed(texts, n_texts, how, out, out_n_tokens);
    });
}

int32_t magnet_embed_tokens(magnet_session * s, magnet_text text, const magnet_embed_params * params, float * out,
                            int32_t * out_tokens, int32_t capacity, int32_t * out_n_tokens) {
    return guard([&] {
        session &           impl = not_null(s, "session").impl;
        const session::call call(impl);

        const magnet_embed_params how = params ? *params : magnet_embed_default_params();
        int32_t &                  count  = not_null(out_n_tokens, "out_n_tokens");
        impl.n_dimensions(how); // checked also where the size is asked for
        const std::vector<int32_t> tokens = impl.own_tokens(text, how);
        count                             = (int32_t) tokens.size();
        if (!out && !out_tokens && capacity == 0) {
            return;
        }
        if (count > 0 && (!out || capacity < count)) {
            throw error(MAGNET_STATUS_BUFFER_TOO_SMALL, "out has room for " + std::to_string(out ? capacity : 0) +
                                                            " tokens; " + std::to_string(count) + " are needed.");
        }
        impl.embed_tokens(tokens, how, out);
        if (out_tokens) {
            std::copy(tokens.begin(), tokens.end(), out_tokens);
        }
    });
}

int32_t magnet_embed_token_ids(magnet_session * s, const int32_t * tokens, int32_t n_tokens,
                               const magnet_embed_params * params, float * out, int64_t capacity) {
    return guard([&] {
        session &           impl = not_null(s, "session").impl;
        const session::call call(impl);
        check_array(tokens, n_tokens, "tokens");
        const magnet_embed_params how = params ? *params : magnet_embed_default_params();
        check_room(out, capacity, impl.n_dimensions(how));
        impl.embed_token_ids(tokens, n_tokens, how, out);
    });
}

int32_t magnet_vectors_pack(const float * vectors, int64_t n_vectors, int32_t dimensions, int32_t precision, void * out,
                            int64_t capacity, int64_t * out_size) {
    return guard([&] {
        const int64_t size = packed_size(n_vectors, dimensions, precision);
        if (out_size) {
            *out_size = size;
        }
        if (!out && capacity == 0) {
            return;
        }
        if (size > 0 && (!out || capacity < size)) {
            throw error(MAGNET_STATUS_BUFFER_TOO_SMALL, "out has room for " + std::to_string(out ? capacity : 0) + " bytes; " +
                                                            std::to_string(size) + " are needed.");
        }
        pack_vectors(size > 0 ? &not_null(vectors, "vectors") : nullptr, n_vectors, dimensions, precision, (uint8_t *) out);
    });
}

// ------------------------------------------------------------------------------------------------ infill, score, mask

namespace {

magnet_sampling_params greedy_params() {
    magnet_sampling_params p = {};
    p.top_p                  = 1.0f;
    p.repeat_penalty         = 1.0f;
    p.penalty_last_n         = 64;
    p.seed                   = -1;
    return p;
}

} // namespace

void magnet_result_free(magnet_result * result) {
    guard([&] { free_result(result); });
}

magnet_infill_params magnet_infill_default_params(void) {
    magnet_infill_params p = {};
    p.sampling             = greedy_params();
    p.max_tokens           = 64;
    p.ends.cut_repeat      = true;
    p.candidates.n         = 1;
    p.candidates.right     = 64;
    return p;
}

int32_t magnet_infill(magnet_session * s, const magnet_part * parts, int32_t n_parts, const magnet_infill_params * params,
                      magnet_result ** out_result) {
    return guard([&] {
        check_out_handle(out_result, "out_result");
        session &           impl = not_null(s, "session").impl;
        const session::call call(impl);
        check_array(parts, n_parts, "parts");
        *out_result = publish_result(impl.infill(parts, n_parts, params ? *params : magnet_infill_default_params()));
    });
}

magnet_score_params magnet_score_default_params(void) {
    return {};
}

int32_t magnet_score(magnet_session * s, const magnet_score_item * items, int32_t n_items,
                     const magnet_score_params * params, magnet_result ** out_result) {
    return guard([&] {
        check_out_handle(out_result, "out_result");
        session &           impl = not_null(s, "session").impl;
        const session::call call(impl);
        check_array(items, n_items, "items");
        for (int32_t i = 0; i < n_items; ++i) {
            check_array(items[i].parts, items[i].n_parts, ("item " + std::to_string(i) + ": parts").c_str());
        }
        *out_result = publish_result(impl.score(items, n_items, params ? *params : magnet_score_default_params()));
    });
}

namespace {

layout layout_of(const model & m, const std::vector<token_part> & parts, const layout_options & options) {
    if (options.context != MAGNET_CONTEXT_FIM) {
        return make_layout(m, parts, options);
    }
    const fim_prompter prompter(m, {});
    int32_t            gap = -1;
    for (int32_t i = 0; i < (int32_t) parts.size(); ++i) {
        if (parts[i].is_gap && gap >= 0) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, "each gap has a FIM prompt of its own: lay out one gap at a time, the "
                                                        "others as text or left out.");
        }
        gap = parts[i].is_gap ? i : gap;
    }
    if (gap < 0) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "no part is a gap, and a FIM prompt asks for one.");
    }
    return prompter.row(parts, gap, options);
}

} // namespace

int32_t magnet_layout(const magnet_model * m, const magnet_part * parts, int32_t n_parts, int32_t context,
                      magnet_slot * out_slots, int32_t capacity, int32_t * out_count) {
    return guard([&] {
        const model & impl = *not_null(m, "model").impl;
        check_array(parts, n_parts, "parts");
        if (context < MAGNET_CONTEXT_DEFAULT || context > MAGNET_CONTEXT_FIM) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, "context is " + std::to_string(context) +
                                                            "; it must be one of enum magnet_context.");
        }
        layout_options options;
        options.context       = context == MAGNET_CONTEXT_DEFAULT ? impl.default_context(impl.how()) : context;
        options.keep_spaces   = options.context == MAGNET_CONTEXT_FIM;
        options.open_room     = impl.how().open_room;
        options.max_tokens    = magnet_infill_default_params().max_tokens;
        options.max_positions = impl.n_ctx_train();
        options.keep_text     = true;

        std::vector<magnet_slot> slots;
        for (const slot & t : layout_of(impl, tokenize_parts(impl, parts, n_parts, options), options).slots) {
            slots.push_back({ t.token, t.pos, t.role, t.part });
        }
        copy_out(slots.data(), (int64_t) slots.size(), out_slots, capacity, out_count);
    });
}

bool magnet_sees(int32_t role_q, int32_t pos_q, int32_t role_k, int32_t pos_k) {
    const auto known = [](int32_t role) { return role >= MAGNET_ROLE_SPAN && role <= MAGNET_ROLE_ORDERED; };
    return known(role_q) && known(role_k) && magnet_mask_allows((int8_t) role_q, pos_q, (int8_t) role_k, pos_k);
}

// ------------------------------------------------------------------------------------------------ generate

magnet_generate_params magnet_generate_default_params(void) {
    magnet_generate_params p = {};
    p.sampling               = greedy_params();
    p.sampling.temperature   = 0.8f;
    p.sampling.top_k         = 40;
    p.sampling.top_p         = 0.95f;
    p.sampling.min_p         = 0.05f;
    p.max_tokens             = 256;
    p.n_texts                = 1;
    p.add_special            = true;
    return p;
}

int32_t magnet_generate(magnet_session * s, magnet_text prompt, const magnet_generate_params * params,
                        magnet_result ** out_result) {
    return guard([&] {
        check_out_handle(out_result, "out_result");
        session &           impl = not_null(s, "session").impl;
        const session::call call(impl);
        *out_result = publish_result(impl.generate(prompt, params ? *params : magnet_generate_default_params()));
    });
}

int32_t magnet_generate_token_ids(magnet_session * s, const int32_t * tokens, int32_t n_tokens,
                                  const magnet_generate_params * params, magnet_result ** out_result) {
    return guard([&] {
        check_out_handle(out_result, "out_result");
        session &           impl = not_null(s, "session").impl;
        const session::call call(impl);
        check_array(tokens, n_tokens, "tokens");
        *out_result = publish_result(impl.generate(std::vector<int32_t>(tokens, tokens + n_tokens),
                                                   params ? *params : magnet_generate_default_params()));
    });
}
