#include "grammar.h"

#include "base/error.h"
#include "base/log.h"
#include "base/stack.h"
#include "base/text.h"
#include "base/utf8.h"
#include "llama/magnet-grammar.h"
#include "schema/schema.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace magnet {

namespace {

[[noreturn]] void refuse(const std::string & what) {
    throw error(MAGNET_STATUS_INVALID_ARGUMENT, "the grammar" + what + ".");
}

// llama.cpp calls itself twice for each character of a token that it holds against a grammar.
size_t stack_for(const model & m) {
    constexpr size_t harmless = 64, per_byte = 4096, base = 1 << 20;
    size_t           longest  = 0;
    for (int32_t token = 0; token < m.n_vocab(); ++token) {
        longest = std::max(longest, strlen(llama_vocab_get_text(m.vocab(), token)));
    }
    return longest <= harmless ? 0 : base + longest * per_byte;
}

} // namespace

grammar::grammar(const model & m, const char * text, const char * root) : model_(m) {
    if (!*checked_text({ text, -1 }, "the grammar").data()) {
        refuse(" is empty; give none instead");
    }
    const std::string start = root ? root : "root";
    checked_text({ start.c_str(), -1 }, "the name of the grammar's first rule");

    log_capture       capture;
    const std::string fault = grammar_fault(m.vocab(), text, start);
    if (!fault.empty()) {
        refuse(fault);
    }
    stack_ = stack_for(m);
    guarded([&] { llama_.reset(llama_sampler_init_grammar(m.vocab(), text, start.c_str())); });
    if (!llama_) {
        refuse(" is refused by llama.cpp" + capture.reason());
    }
}

void grammar::guarded(const std::function<void()> & work) const {
    try {
        if (stack_ == 0) {
            work();
        } else {
            with_stack(stack_, work);
        }
    } catch (const error &) {
        throw;
    } catch (const std::runtime_error & e) {
        refuse(std::string(" cannot be followed: ") + e.what());
    }
}

void grammar::restart() {
    begun_.clear();
    guarded([&] { llama_sampler_reset(llama_.get()); });
}

void grammar::accept(int32_t token) {
    guarded([&] { llama_sampler_accept(llama_.get(), token); });
    begun_ += model_.token_bytes(token, false);
    begun_.erase(0, utf8_whole(begun_));
}

bool grammar::makes_text(int32_t token) const {
    const std::string bytes = model_.token_bytes(token, false);
    return begun_.empty() ? utf8_may_go_on(bytes) : !bytes.empty() && utf8_may_go_on(begun_ + bytes);
}

void grammar::apply(llama_token_data_array & candidates) {
    guarded([&] { llama_sampler_apply(llama_.get(), &candidates); });
    const bool few = candidates.size < 64; // a list of all tokens is not worth making for them
    for (size_t i = 0; i < candidates.size; ++i) {
        llama_token_data & c = candidates.data[i];
        if (c.logit == -INFINITY) {
            continue;
        }
        const auto quick = [&] {
            const model::token_utf8 known = model_.utf8_of_tokens()[c.id];
            return begun_.empty() ? known.begins : known.goes_on && makes_text(c.id);
        };
        if (!(few ? makes_text(c.id) : quick())) {
            c.logit = -INFINITY;
        }
    }
}

bool grammar::allows(int32_t token) {
    llama_token_data       one  = { token, 1.0f, 0.0f };
    llama_token_data_array list = { &one, 1, -1, false };
    apply(list);
    return one.logit != -INFINITY;
}

bool grammar::is_complete() {
    const int32_t eos = llama_vocab_eos(model_.vocab()), eot = llama_vocab_eot(model_.vocab());
    const int32_t end = eos != LLAMA_TOKEN_NULL ? eos : eot;
    return end == LLAMA_TOKEN_NULL || allows(end);
}

std::unique_ptr<grammar> schema_grammar(const model & m, const char * schema) {
    const std::string text = schema::grammar_of(schema);
    try {
        return std::make_unique<grammar>(m, text.c_str(), nullptr);
    } catch (const error & e) { // nobody has seen that grammar
        throw error(e.status, std::string("the schema is too much to follow: ") + e.what());
    }
}

} // namespace magnet
