// Embedding: texts become rows of the encoder, with the weights that make a pooled vector of them.
#include "base/error.h"
#include "base/text.h"
#include "finite.h"
#include "magnet-mask.h"
#include "session.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace magnet {

namespace {

// The first n numbers of a vector, as the caller wants them, in v, which may be the vector. BAD_FILE for what is none.
void finish_vector(const float * vector, int32_t n_embd, int32_t n, bool normalize, float * v) {
    require_finite(vector, n_embd);
    if (v != vector) {
        std::copy(vector, vector + n, v);
    }
    if (!normalize) {
        return;
    }
    const double norm = std::sqrt(std::inner_product(v, v + n, v, 0.0, std::plus<>(),
                                                     [](double a, double b) { return a * b; })); // a float's square overflows
    if (norm > 0.0) {
        std::transform(v, v + n, v, [&](float x) { return (float) (x / norm); });
    }
}

void require_enum(const char * field, int32_t value, int32_t last) {
    require(value >= 0 && value <= last, field, value, std::string("one of enum magnet_") + field);
}

} // namespace

// A text as a row: [BOS] instruction text EOS, and where its own tokens are.
class session::embed_reader {
public:
    embed_reader(const session & s, const magnet_embed_params & p) : model_(s.base()), params_(p) {
        require_enum("pooling", p.pooling, MAGNET_POOLING_WEIGHTED_MEAN);
        require_enum("attention", p.attention, MAGNET_ATTENTION_CAUSAL);
        require_enum("truncate", p.truncate, MAGNET_TRUNCATE_TAIL);
        const int32_t n_ctx = s.params_.n_ctx;
        require(p.max_tokens >= 0 && p.max_tokens <= n_ctx, "max_tokens", p.max_tokens,
                "0 (all that is read) or at most n_ctx, " + std::to_string(n_ctx));
        max_tokens_ = p.max_tokens > 0 ? p.max_tokens : n_ctx;
        pooling_    = p.pooling != MAGNET_POOLING_DEFAULT ? p.pooling : s.how().pooling;

        const int32_t attention = p.attention != MAGNET_ATTENTION_DEFAULT ? p.attention : s.how().attention;
        if (attention == MAGNET_ATTENTION_BIDIRECTIONAL && !model_.has_plain_attention()) {
            throw error(MAGNET_STATUS_UNSUPPORTED, "the architecture \"" + model_.architecture() +
                                                       "\" has no bidirectional attention: it can generate, not embed.");
        }
        role_ = attention == MAGNET_ATTENTION_CAUSAL ? MAGNET_MASK_SPAN : MAGNET_MASK_CONTEXT;

        const int32_t bos = llama_vocab_bos(model_.vocab());
        if (llama_vocab_get_add_bos(model_.vocab()) && bos >= 0) {
            head_.push_back(bos);
        }
        const std::string      instruction = p.instruction ? p.instruction : p.document ? s.how().document_instruction : s.how().instruction;
        const std::string_view checked     = checked_text({ instruction.c_str(), (int32_t) instruction.size() }, "instruction");
        has_instruction_                   = !checked.empty();
        const std::vector<int32_t> tokens  = model_.tokenize(checked, false, false);
        head_.insert(head_.end(), tokens.begin(), tokens.end());

        eos_ = p.append_eos ? llama_vocab_eos(model_.vocab()) : -1;
    }

    // Own tokens of the text, truncated as asked.
    std::vector<int32_t> own_tokens(const magnet_text & text, const std::string & what) const {
        const std::string_view view = checked_text(text, what);
        std::vector<int32_t>   own  = has_instruction_ ? model_.tokenize_continuation(view) : model_.tokenize(view, false, false);
        const int64_t          room = (int64_t) max_tokens_ - (int64_t) head_.size() - (eos_ >= 0);
        if (room < (own.empty() ? 0 : 1)) {
            throw error(MAGNET_STATUS_TOO_LONG,
                        "BOS, instruction and EOS alone take " + std::to_string(max_tokens_ - room) + " tokens, and at most " +
                            std::to_string(max_tokens_) + " are read. Raise " +
                            (params_.max_tokens > 0 ? "max_tokens" : "n_ctx") + ", or shorten the instruction.");
        }
        if ((int64_t) own.size() > room && !own.empty()) {
            switch (params_.truncate) {
                case MAGNET_TRUNCATE_HEAD: own.resize(room); break;
                case MAGNET_TRUNCATE_TAIL: own.erase(own.begin(), own.end() - room); break;
                default:
                    throw error(MAGNET_STATUS_TOO_LONG, what + " has " +
                                                            std::to_string(own.size() + head_.size() + (eos_ >= 0)) +
                                                            " tokens; at most " + std::to_string(max_tokens_) +
                                                            " are read. Truncate it (head or tail), or split the text.");
            }
        }
        return own;
    }

    // The whole row; its own tokens begin at head_size().
    encoder_row row(const std::vector<int32_t> & own, const std::string & what) const {
        encoder_row r;
        r.tokens = head_;
        r.tokens.insert(r.tokens.end(), own.begin(), own.end());
        if (eos_ >= 0) {
            r.tokens.push_back(eos_);
        }
        if (r.tokens.empty()) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, what + " is empty, and without instruction and EOS nothing is left "
                                                               "to embed.");
        }
        r.pos.resize(r.tokens.size());
        std::iota(r.pos.begin(), r.pos.end(), 0);
        r.roles.assign(r.tokens.size(), role_);
        return r;
    }

    // The text's own tokens are those from own_begin on.
    void set_pooling(encoder_row & r, int32_t own_begin, int32_t n_own) const {
        if (pooling_ == MAGNET_POOLING_LAST || n_own == 0) {
            r.outputs = { r.n_tokens() - 1 };
            r.weights = { 1.0f };
            return;
        }
        r.outputs.resize(n_own);
        std::iota(r.outputs.begin(), r.outputs.end(), own_begin);
        r.weights.assign(n_own, 1.0f / n_own);
        if (pooling_ == MAGNET_POOLING_WEIGHTED_MEAN) {
            for (int32_t i = 0; i < n_own; ++i) {
                r.weights[i] = (float) (2.0 * (i + 1) / ((double) n_own * (n_own + 1)));
            }
        }
    }

    int32_t head_size() const { return (int32_t) head_.size(); }
    int8_t  role() const { return role_; }

private:
    const model &               model_;
    const magnet_embed_params & params_;
    std::vector<int32_t>        head_; // BOS and instruction
    bool                        has_instruction_ = false;
    int32_t                     eos_             = -1;
    int32_t                     max_tokens_      = 0;
    int32_t                     pooling_         = 0;
    int8_t                      role_            = 0;
};

int32_t session::n_dimensions(const magnet_embed_params & params) const {
    require(params.dimensions >= 0 && params.dimensions <= base_->n_embd(), "dimensions", params.dimensions,
            "0 (all) or at most the model's, " + std::to_string(base_->n_embd()));
    return params.dimensions > 0 ? params.dimensions : base_->n_embd();
}

void session::embed(const magnet_text * texts, int32_t n_texts, const magnet_embed_params & params, float * out,
                    int32_t * out_n_tokens) {
    const embed_reader       reader(*this, params);
    std::vector<encoder_row> rows(n_texts);
    for (int32_t i = 0; i < n_texts; ++i) {
        const std::string          what = "text " + std::to_string(i);
        const std::vector<int32_t> own  = reader.own_tokens(texts[i], what);
        rows[i]                         = reader.row(own, what);
        reader.set_pooling(rows[i], reader.head_size(), (int32_t) own.size());
    }

    const int32_t      n_embd = base_->n_embd();
    const int32_t      n      = n_dimensions(params);
    std::vector<float> whole(n < n_embd ? (int64_t) n_texts * n_embd : 0);
    float *            pooled   = n < n_embd ? whole.data() : out;
    magnet_progress    progress = { 0, n_texts };
    get_encoder().pooled(rows, pooled, [&](int32_t r) {
        finish_vector(pooled + (int64_t) r * n_embd, n_embd, n, params.normalize, out + (int64_t) r * n);
        ++progress.done;
        return !cancelled_ && (!params.progress || params.progress(&progress, params.progress_user_data));
    });
    for (int32_t i = 0; i < n_texts && out_n_tokens; ++i) {
        out_n_tokens[i] = rows[i].n_tokens();
    }
}

std::vector<int32_t> session::own_tokens(const magnet_text & text, const magnet_embed_params & params) const {
    return embed_reader(*this, params).own_tokens(text, "the text");
}

void session::embed_tokens(const std::vector<int32_t> & own, const magnet_embed_params & params, float * out) {
    const int32_t n = n_dimensions(params);
    embed_tokens(std::vector<std::vector<int32_t>>{ own }, params, [&](int32_t, int32_t token, const float * vector) {
        finish_vector(vector, base_->n_embd(), n, params.normalize, out + (int64_t) token * n);
    });
}

void session::embed_tokens(const std::vector<std::vector<int32_t>> & own, const magnet_embed_params & params,
                           const encoder::output_sink & sink) {
    const embed_reader       reader(*this, params);
    std::vector<encoder_row> rows;
    std::vector<int32_t>     text_of; // a text without tokens needs no pass
    for (size_t i = 0; i < own.size(); ++i) {
        if (own[i].empty()) {
            continue;
        }
        rows.push_back(reader.row(own[i], "text " + std::to_string(i)));
        rows.back().outputs.resize(own[i].size());
        std::iota(rows.back().outputs.begin(), rows.back().outputs.end(), reader.head_size());
        text_of.push_back((int32_t) i);
    }
    get_encoder().hidden(
        rows,
        [&](int32_t r, int32_t token, const float * vector) {
            require_finite(vector, base_->n_embd());
            sink(text_of[r], token, vector);
        },
        [&](int32_t) { return !cancelled_; });
}

void session::embed_token_ids(const int32_t * tokens, int32_t n_tokens, const magnet_embed_params & params,
                              float * out) {
    magnet_embed_params bare = params;
    bare.instruction         = "";
    bare.append_eos          = false;
    const embed_reader reader(*this, bare);

    if (n_tokens < 1 || n_tokens > params_.n_ctx) {
        throw error(n_tokens < 1 ? MAGNET_STATUS_INVALID_ARGUMENT : MAGNET_STATUS_TOO_LONG,
                    std::to_string(n_tokens) + " tokens were given; 1 to " + std::to_string(params_.n_ctx) + " are read.");
    }
    for (int32_t i = 0; i < n_tokens; ++i) {
        if (tokens[i] < 0 || tokens[i] >= base_->n_vocab()) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, "token " + std::to_string(i) + " is " + std::to_string(tokens[i]) +
                                                            ", which is not in the vocabulary.");
        }
    }

    encoder_row row;
    row.tokens.assign(tokens, tokens + n_tokens);
    row.pos.resize(n_tokens);
    std::iota(row.pos.begin(), row.pos.end(), 0);
    row.roles.assign(n_tokens, reader.role());
    reader.set_pooling(row, 0, n_tokens);

    std::vector<float> pooled(base_->n_embd());
    get_encoder().pooled({ row }, pooled.data(), [&](int32_t) { return !cancelled_; });
    finish_vector(pooled.data(), base_->n_embd(), n_dimensions(params), params.normalize, out);
}

} // namespace magnet
