#include "control-tokens.h"

#include <algorithm>

namespace magnet {

control_tokens::control_tokens(const llama_vocab * vocab) {
    const int32_t n = llama_vocab_n_tokens(vocab);
    for (int32_t token = 0; token < n; ++token) {
        const int32_t attr = llama_vocab_get_attr(vocab, token);
        const char *  text = llama_vocab_get_text(vocab, token);
        if ((attr & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) && text && *text) {
            by_first_[*text].push_back(
                { text, token, (attr & LLAMA_TOKEN_ATTR_LSTRIP) != 0, (attr & LLAMA_TOKEN_ATTR_RSTRIP) != 0 });
        }
    }
    for (auto & [first, all] : by_first_) {
        std::stable_sort(all.begin(), all.end(), [](const named & a, const named & b) { return a.text.size() > b.text.size(); });
    }
}

control_tokens::match control_tokens::find(std::string_view text, size_t from) const {
    for (size_t i = from; i < text.size(); ++i) {
        const auto found = by_first_.find(text[i]);
        if (found == by_first_.end()) {
            continue;
        }
        for (const named & one : found->second) {
            if (text.compare(i, one.text.size(), one.text) == 0) {
                return { one.token, i, i + one.text.size(), one.strips_left, one.strips_right };
            }
        }
    }
    return {};
}

} // namespace magnet
