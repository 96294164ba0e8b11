#include "block.h"
#include "stored-weights.h"

#include "engine/dropout.h"

#include <cmath>

namespace magnet::fused {

prepared_group::prepared_group(const row_group & g, const std::vector<engine_row> & rows,
                               const std::vector<std::vector<double>> & frequencies)
    : group(&g), tokens(g.n_tokens()), row_of(g.n_tokens()), token_of(g.n_tokens()) {
    sees.reserve(g.rows.size());
    for (int32_t r = 0; r < n_rows(); ++r) {
        const engine_row & row = rows[g.rows[r]];
        sees.emplace_back(row);
        for (int32_t t = 0; t < row.n_tokens; ++t) {
            const int64_t at = begin(r) + t;
            tokens[at]       = row.tokens[t];
            row_of[at]       = g.rows[r];
            token_of[at]     = t;
        }
    }
    for (const std::vector<double> & angles : frequencies) {
        rotation turn;
        for (int32_t i = 0; i < g.n_tokens(); ++i) {
            const engine_row & row = rows[row_of[i]];
            const int32_t      pos = row.pos ? row.pos[token_of[i]] : token_of[i];
            for (const double angle : angles) {
                turn.cos.push_back(static_cast<float>(std::cos(pos * angle)));
                turn.sin.push_back(static_cast<float>(std::sin(pos * angle)));
            }
        }
        rotations.push_back(std::move(turn));
    }
}

template <class T>
int64_t activations<T>::bytes() const {
    int64_t n = 0;
    for (const auto * m : { &attn_in, &qkv, &attn_out, &ffn_in, &low_rank, &normed, &attn_added, &ffn_added }) {
        n += m->data.bytes();
    }
    for (const auto * b : { &attn_rstd, &ffn_rstd, &attn_added_rstd, &ffn_added_rstd, &lse }) {
        n += b->bytes();
    }
    return n + gate_up.bytes() + head_rstd.data.bytes();
}

template <class T>
void block_runner<T>::reserve(int32_t n, int32_t chunk_tokens, run_mode new_mode) {
    const hparams &   hp    = base.hp;
    const head_layout heads = base.heads(0);
    const int32_t     piece = std::min(n, chunk_tokens);
    const int32_t     d     = hp.n_embd;
    const int32_t     low   = lora.width();
    const bool        keep  = new_mode != run_mode::infer;
    mode                    = new_mode;
    max_chunk               = chunk_tokens;

    x.reserve(n, d);
    projected.reserve(piece, std::max(heads.size(), base.adds_plainly() ? 0 : d));
    h.reserve(piece, hp.n_ff);
    if (stored != nullptr) {
        rounded.reserve(piece * stored->widest_input());
    }
    layers.resize(mode == run_mode::train ? hp.n_layer : 1);
    for (activations<T> & s : layers) {
        const int32_t rows = keep ? n : piece; // inference hands on only what attention reads
        s.attn_in.reserve(rows, d);
        s.qkv.reserve(n, heads.size());
        s.attn_out.reserve(n, heads.q_size());
        s.ffn_in.reserve(rows, d);
        s.low_rank.reserve(rows, low);
        s.attn_rstd.reserve(rows);
        s.ffn_rstd.reserve(rows);
        if (keep) {
            s.gate_up.reserve(kept_size(n, hp.n_ff));
            s.lse.reserve(int64_t(n) * hp.n_head);
            if (heads.q_norm != nullptr) {
                s.normed.reserve(n, heads.q_size() + heads.k_size());
                s.head_rstd.reserve(n, hp.n_head + hp.n_head_kv);
            }
            if (hp.norm_after) {
                s.attn_added.reserve(n, d);
                s.ffn_added.reserve(n, d);
                s.attn_added_rstd.reserve(n);
                s.ffn_added_rstd.reserve(n);
            }
        }
    }
    if (!keep) {
        return;
    }
    inputs.resize(mode == run_mode::train_recompute ? hp.n_layer : 0);
    for (matrix_buffer<float> & in : inputs) {
        in.reserve(n, d);
    }
    const int32_t widest = std::max({ d, hp.n_ff, heads.size() });
    dx.reserve(n, d);
    d_attn.reserve(n, heads.q_size());
    d_rotated.reserve(n, heads.size());
    dropped.reserve(piece, widest);
    dy.reserve(piece, d);
    d_gate.reserve(piece, hp.n_ff);
    d_up.reserve(piece, hp.n_ff);
    d_in.reserve(piece, d);
    d_qkv.reserve(piece, heads.size());
    d_low.reserve(piece, low);
    low_t.reserve(low, piece);
    d_low_t.reserve(low, piece);
    packed_in.reserve(packed_size(piece, widest));
    packed_dy.reserve(packed_size(piece, widest));
    for (buffer<uint32_t> & k : keys) {
        k.reserve(piece);
    }
}

template <class T>
int64_t block_runner<T>::bytes() const {
    int64_t n = x.data.bytes() + dx.data.bytes() + projected.data.bytes() + d_in.data.bytes() + d_rotated.data.bytes();
    for (const activations<T> & s : layers) {
        n += s.bytes();
    }
    for (const auto & in : inputs) {
        n += in.data.bytes();
    }
    for (const auto * m : { &h, &dropped, &dy, &d_gate, &d_up, &d_qkv, &d_low, &low_t, &d_low_t, &d_attn }) {
        n += m->data.bytes();
    }
    return n + packed_in.bytes() + packed_dy.bytes() + rounded.bytes();
}

template <class T>
int64_t block_runner<T>::kept_bytes_per_token() const {
    const hparams &   hp     = base.hp;
    const head_layout heads  = base.heads(0);
    const int64_t     normed = heads.q_norm != nullptr ? heads.q_size() + heads.k_size() : 0;
    const int64_t     values = (hp.norm_after ? 4 : 2) * int64_t(hp.n_embd) + heads.size() + heads.q_size() + 2 * int64_t(hp.n_ff) +
                           lora.width() + normed;
    const int64_t     scales = (hp.norm_after ? 4 : 2) + 2 * int64_t(hp.n_head) + hp.n_head_kv;
    return hp.n_layer * (values * int64_t(sizeof(T)) + scales * int64_t(sizeof(float)));
}

template <class T>
std::vector<typename block_runner<T>::chunk> block_runner<T>::chunks(const context & c) const {
    const int32_t      n     = c.g.n_tokens();
    const int32_t      count = (n + max_chunk - 1) / max_chunk;
    std::vector<chunk> all;
    for (int32_t i = 0; i < count; ++i) {
        const int32_t begin = int32_t(int64_t(n) * i / count);
        all.push_back({ begin, int32_t(int64_t(n) * (i + 1) / count) - begin });
    }
    return all;
}

template <class T>
void block_runner<T>::dropout_keys(const context & c, int32_t l, const chunk & at) {
    if (c.dropout.p <= 0.0f) {
        return;
    }
    int32_t from, to;
    c.me.range(0, at.size, from, to);
    for (int32_t m = 0; m < n_matrices; ++m) {
        for (int32_t i = from; i < to; ++i) {
            const int32_t t = at.begin + i;
            keys[m][i] = dropout_key(c.dropout.seed, c.g.row_of[t], c.g.token_of[t], base.layers[l].matrices[m].target_index);
        }
        if (c.me.part.rank == 0) {
            masks[m].keys      = keys[m].data();
            masks[m].threshold = dropout_threshold(c.dropout.p);
            masks[m].scale     = dropout_scale(c.dropout.p);
        }
    }
    c.me.sync();
}

template struct activations<bf16>;
template struct activations<float>;
template void    block_runner<bf16>::reserve(int32_t, int32_t, run_mode);
template void    block_runner<float>::reserve(int32_t, int32_t, run_mode);
template int64_t block_runner<bf16>::bytes() const;
template int64_t block_runner<float>::bytes() const;
template int64_t block_runner<bf16>::kept_bytes_per_token() const;
template int64_t block_runner<float>::kept_bytes_per_token() const;
template std::vector<block_runner<bf16>::chunk>  block_runner<bf16>::chunks(const context &) const;
template std::vector<block_runner<float>::chunk> block_runner<float>::chunks(const context &) const;
template void block_runner<bf16>::dropout_keys(const context &, int32_t, const chunk &);
template void block_runner<float>::dropout_keys(const context &, int32_t, const chunk &);

} // namespace magnet::fused
