// Work space of one thread on one model: contexts, adapters in use, the cancel flag. One verb a method, each in a file of
// its own (embed.cpp, infill.cpp, generate.cpp, score.cpp).
#pragma once

#include "decoder.h"
#include "encoder.h"
#include "engine/choice.h"
#include "layout.h"
#include "model/adapter.h"
#include "result.h"

#include <atomic>
#include <functional>
#include <memory>

namespace magnet {

struct gap_rules;

class session {
public:
    // Throws INVALID_ARGUMENT for a parameter out of range.
    session(std::shared_ptr<model> base, std::shared_ptr<engine_choice> engines, const magnet_session_params & params);

    // One that is named twice counts with the sum of its scales. Throws MISMATCH, INVALID_ARGUMENT, and UNSUPPORTED where the
    // fused engine is asked for and cannot adapt so; then everything stays as it was.
    void set_adapters(const std::vector<used_adapter> & adapters);
    void reset();

    // Any thread: stops the call that is running.
    void cancel() { cancelled_ = running_.load(); }
    bool cancelled() const { return cancelled_; }

    void embed(const magnet_text * texts, int32_t n_texts, const magnet_embed_params & params, float * out,
               int32_t * out_n_tokens);
    // The text's own tokens, truncated as asked: what embed_tokens takes.
    std::vector<int32_t> own_tokens(const magnet_text & text, const magnet_embed_params & params) const;
    // out [tokens, D]
    void embed_tokens(const std::vector<int32_t> & own, const magnet_embed_params & params, float * out);
    // The same for many texts: sink(text, token, vector [D]) is called once for each own token, possibly from several
    // threads at once; vectors are not normalised.
    void embed_tokens(const std::vector<std::vector<int32_t>> & own, const magnet_embed_params & params,
                      const encoder::output_sink & sink);
    // numbers of one vector; INVALID_ARGUMENT if the model has fewer
    int32_t n_dimensions(const magnet_embed_params & params) const;
    // out [dimensions]: one pooled vector of tokens that the caller made
    void embed_token_ids(const int32_t * tokens, int32_t n_tokens, const magnet_embed_params & params, float * out);

    result infill(const magnet_part * parts, int32_t n_parts, const magnet_infill_params & params);
    result generate(const magnet_text & prompt, const magnet_generate_params & params);
    // The same for a prompt that is tokens already: add_special and parse_special mean nothing then.
    result generate(std::vector<int32_t> prompt, const magnet_generate_params & params);
    result score(const magnet_score_item * items, int32_t n_items, const magnet_score_params & params);
    // The same for parts that are tokens already.
    result score(const std::vector<std::vector<token_part>> & items, const magnet_score_params & params);

    const model &                     base() const { return *base_; }
    const recipe &                    how() const { return recipe_; }
    const std::vector<used_adapter> & adapters() const { return adapters_; }
    int32_t                           default_context() const { return base_->default_context(recipe_); }
    bool                              ends_gap(int32_t token, int32_t context) const;
    int32_t                           n_ctx() const { return params_.n_ctx; }
    int32_t                           n_threads() const { return params_.n_threads; }
    int32_t                           flash_attention() const { return params_.flash_attention; }
    bool                              uses_fused_engine() const { return use_fused_; } // for what needs no KV cache

    // Marks a call as running while it lives; throws BUSY if one is.
    class call {
    public:
        explicit call(session & s);
        ~call();
        call(const call &)             = delete;
        call & operator=(const call &) = delete;

    private:
        session & session_;
    };

private:
    class embed_reader; // embed.cpp

    struct scored_row {
        layout  plan;
        int32_t item;
    };
    // What reads the gaps of an item: one row, with FIM one a gap.
    void   add_rows(const std::vector<token_part> & parts, int32_t item, const layout_options & options,
                    const magnet_score_params & params, std::vector<scored_row> & rows) const;
    result score(const std::vector<scored_row> & rows, int32_t n_items, const magnet_score_params & params);
    encoder &      get_encoder();
    decoder &      get_decoder();
    std::unique_ptr<decoder> make_decoder() const;
    // Writes one text (a seed), and calls on_context, if there is one, as soon as the cache holds the context and nothing else.
    using run_once = std::function<result(decoder & d, int64_t seed, std::function<void()> on_context)>;
    // n of them, with seeds from `seed` on, at once or one after the other, from one context. What all took goes to `total`. Of a
    // call that is cancelled those that have begun.
    std::vector<seeded_result> run_several(const run_once & run_one, int32_t n, int64_t seed, int32_t n_positions,
                                           result & total);
    bool           fused_with(const std::vector<used_adapter> & adapters) const; // throws if it has to be and cannot
    int32_t        context_of(int32_t context) const; // DEFAULT resolved by the recipe; throws on an unknown one
    gap_rules      rules_of(int32_t context, const magnet_infill_ends & ends, const magnet_part * parts,
                            int32_t n_parts) const;
    void           check_fim_adapters() const;
    layout_options layout_with(int32_t context) const; // of this session and its recipe; context as context_of takes it

    const std::shared_ptr<model>         base_;
    const std::shared_ptr<engine_choice> engines_;
    magnet_session_params        params_;
    const thread_share           threads_;
    std::atomic<bool>            running_{ false };
    std::atomic<bool>            cancelled_{ false };
    std::vector<used_adapter>    adapters_;
    recipe                       recipe_;
    bool                         use_fused_ = false; // for what needs no KV cache
    std::unique_ptr<encoder>     encoder_; // made when first needed
    std::unique_ptr<decoder>     decoder_; // made when first needed; so that of other adapters
};

} // namespace magnet
