#include "fim-prompt.h"

#include "base/error.h"
#include "base/text.h"
#include "magnet-mask.h"

namespace magnet {

namespace {

using style = fim_format::file_style;

bool is_given(const char * text) {
    return text && *text;
}

bool any_file(const magnet_fim_params & p) {
    return is_given(p.repository) || is_given(p.path) || p.n_files > 0;
}

} // namespace

void check_no_fim_files(const magnet_fim_params & files) {
    if (any_file(files)) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "fim.repository, fim.path and fim.files are read in the context FIM only.");
    }
}

fim_prompter::fim_prompter(const model & m, const magnet_fim_params & files) : model_(m), format_(m.fim()), n_files_(files.n_files) {
    if (!format_.found()) {
        throw error(MAGNET_STATUS_UNSUPPORTED,
                    std::string("the vocabulary of this model has no tokens for filling in the middle, which the context "
                                "FIM needs; this model has ") +
                        (m.has_plain_attention() ? "ORDERED, HYBRID and LEFT." : "LEFT."));
    }
    if (llama_vocab_get_add_bos(m.vocab()) && llama_vocab_bos(m.vocab()) >= 0) {
        head_.push_back(llama_vocab_bos(m.vocab()));
    }
    if (files.n_files < 0 || (files.n_files > 0 && !files.files)) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "fim.files is NULL, or has a negative number of elements.");
    }
    if (any_file(files)) {
        put_files(files);
    }
}

void fim_prompter::put_token(int32_t token) {
    head_.push_back(token);
}

void fim_prompter::put_text(const char * text, const std::string & what) {
    const std::vector<int32_t> tokens = model_.tokenize_continuation(checked_text({ text, -1 }, what));
    head_.insert(head_.end(), tokens.begin(), tokens.end());
}

void fim_prompter::put_files(const magnet_fim_params & p) {
    const style how = format_.files;
    if (how == style::none) {
        throw error(MAGNET_STATUS_UNSUPPORTED, "the vocabulary of this model has no token that separates files: fim.repository, "
                                               "fim.path and fim.files cannot be told to it. Leave them out.");
    }
    if (is_given(p.repository)) {
        if (format_.repository < 0) {
            throw error(MAGNET_STATUS_UNSUPPORTED, "the vocabulary of this model has no token for the name of a repository. "
                                                   "Leave fim.repository out.");
        }
        put_token(format_.repository);
        put_text((std::string(p.repository) + (how == style::before ? "\n" : "")).c_str(), "fim.repository");
    }
    for (int32_t i = 0; i < p.n_files; ++i) {
        const magnet_fim_file & file = p.files[i];
        const std::string       path = is_given(file.path) ? std::string(file.path) + "\n" : "";
        const std::string       text = path + (file.text ? file.text : "") + (how == style::before ? "\n" : "");
        if (how != style::behind) {
            put_token(format_.file);
        }
        put_text(text.c_str(), "fim.files[" + std::to_string(i) + "]");
        if (how == style::behind) {
            put_token(format_.file);
        }
    }
    if (how != style::behind) {
        put_token(format_.file);
    }
    if (is_given(p.path)) {
        const size_t before = head_.size();
        put_text((std::string(p.path) + "\n").c_str(), "fim.path");
        if (how == style::inside) {
            path_in_text_.assign(head_.begin() + (long) before, head_.end());
            head_.resize(before);
        }
    }
}

std::vector<slot> fim_prompter::prompt(const std::vector<token_part> & parts, int32_t gap) const {
    std::vector<slot> out;
    const auto        put = [&](int32_t token, int32_t part) {
        if (token >= 0) {
            out.push_back({ token, (int32_t) out.size(), MAGNET_MASK_SPAN, part });
        }
    };
    const auto put_parts = [&](int32_t begin, int32_t end, bool with_gaps) {
        for (int32_t i = begin; i < end; ++i) {
            if (!parts[i].is_gap || (with_gaps && parts[i].filled)) {
                for (const int32_t token : parts[i].tokens) {
                    put(token, i);
                }
            }
        }
    };
    const auto put_left = [&] {
        put(format_.prefix, -1);
        for (const int32_t token : path_in_text_) {
            put(token, -1);
        }
        put_parts(0, gap, true);
    };
    const auto put_right = [&] {
        put(format_.suffix, -1);
        put_parts(gap + 1, (int32_t) parts.size(), false);
    };
    for (const int32_t token : head_) {
        put(token, -1);
    }
    if (format_.suffix_first) {
        put_right();
        put_left();
    } else {
        put_left();
        put_right();
    }
    put(format_.middle, -1);
    return out;
}

void fim_prompter::check_fits(int64_t n_positions, const placement_options & options) const {
    if (n_files_ == 0) {
        check_positions(n_positions, options);
        return;
    }
    const std::string cure = "fim.files takes " + std::to_string(head_.size()) + " of them: leave some out, or shorten the text or the gaps";
    check_positions(n_positions, options, cure.c_str());
}

layout fim_prompter::row(const std::vector<token_part> & parts, int32_t index, const placement_options & options) const {
    const token_part & part = parts[index];
    layout             out;
    out.slots   = prompt(parts, index);
    gap g       = {};
    g.part      = index;
    g.first     = (int32_t) out.slots.size();
    g.predictor = g.first - 1;
    g.open      = part.length == 0;
    g.n_slots   = part.filled ? (int32_t) part.tokens.size() : places_of(part, options);
    check_filled(part, index);
    check_fits((int64_t) g.first + g.n_slots, options);
    for (int32_t k = 0; k < g.n_slots; ++k) {
        out.slots.push_back({ part.filled ? part.tokens[k] : -1, g.first + k, MAGNET_MASK_SPAN, index });
    }
    out.gaps.push_back(g);
    return out;
}

} // namespace magnet
