#include "block.h"
#include "stored-weights.h"

namespace magnet::fused {

template <class T>
void block_runner<T>::embed(const context & c) {
    int32_t from, to;
    c.me.range(0, c.g.n_tokens(), from, to);
    for (int32_t t = from; t < to; ++t) {
        base.embed(c.g.tokens[t], x.row(t));
    }
    c.me.sync();
}

template <class T>
void block_runner<T>::low_rank_forward(const context & c, int32_t l, matrix m, const T * in, int64_t ld,
                                       const chunk & at, T * low_rank, int64_t ld_low) {
    const adapted<T> & a = lora.of(l, m);
    if (a.rank == 0) {
        return;
    }
    if (c.dropout.p > 0.0f) {
        const int32_t n_in = base.layers[l].matrices[m].n_in;
        int32_t       from, to;
        c.me.range(0, at.size, from, to);
        dropout_mask mask = masks[m];
        mask.keys += from;
        kernels.drop(in + from * ld, ld, to - from, n_in, mask, dropped.row(from), dropped.ld);
        c.me.sync();
        in = dropped.row(0);
        ld = dropped.ld;
    }
    gemm_args<T> args;
    args.m    = at.size;
    args.n    = a.rank;
    args.part = c.me.part;
    args.add(a.a.times(in, ld));
    kernels.gemm(args, low_rank + a.column, ld_low);
    c.me.sync();
}

template <class T>
const stored_matrix * block_runner<T>::in_integers(const context & c, int32_t l, matrix m) const {
    const stored_matrix * s = c.places != nullptr && stored != nullptr ? &stored->of(l, m) : nullptr;
    return s != nullptr && s->packed ? s : nullptr;
}

template <class T>
bool block_runner<T>::round_rows(const context & c, int32_t l, matrix m, const T * in, int64_t ld, const chunk & at) {
    const stored_matrix * const s = in_integers(c, l, m);
    if (s == nullptr) {
        return false;
    }
    int32_t from, to;
    c.me.range(0, at.size, from, to);
    const std::vector<float> & scale = base.layers[l].matrices[m].column_scale;
    for (int32_t row = from; row < to; ++row) {
        s->round(in + row * ld, scale.empty() ? nullptr : scale.data(), rounded.data() + row * s->input_bytes, kernels);
    }
    return true;
}

template <class T>
gemm_args<T> block_runner<T>::forward_product(const context & c, int32_t l, matrix m, const T * in, int64_t ld,
                                              int32_t n, const T * low_rank, int64_t ld_low) {
    const linear<T> &  w = base.layers[l].matrices[m];
    const adapted<T> & a = lora.of(l, m);
    gemm_args<T>       args;
    args.m    = n;
    args.n    = w.n_out;
    args.part = c.me.part;
    args.bias = w.bias.data();
    product<T> term = w.times(in, ld);
    if (const stored_matrix * const s = in_integers(c, l, m)) {
        term.k         = w.n_in;
        term.quantised = s->packed->source();
        term.rounded   = s->rows_of(rounded.data(), n);
        term.parts     = s->n_parts;
    }
    args.add(term);
    if (a.rank > 0) {
        args.add(a.b.times(low_rank + a.column, ld_low));
    }
    return args;
}

template <class T>
void block_runner<T>::read_residual(const context & c, int32_t l, const chunk & at, matrix first, T * in, int64_t ld, float * rstd) {
    int32_t from, to;
    c.me.range(0, at.size, from, to);
    if (base.hp.norm_before) {
        kernels.rms_norm(x.row(at.begin + from), x.ld, to - from, base.hp.n_embd, base.hp.eps, in + from * ld, ld,
                         rstd + from);
    } else {
        kernels.convert(x.row(at.begin + from), x.ld, to - from, base.hp.n_embd, in + from * ld, ld);
    }
    round_rows(c, l, first, in, ld, at);
    c.me.sync();
}

template <class T>
void block_runner<T>::add_residual(const context & c, int32_t l, activations<T> & s, const chunk & at, bool keep, matrix m,
                                   const T * in, int64_t ld) {
    T * const low = s.low_rank.row(keep ? at.begin : 0);
    low_rank_forward(c, l, m, in, ld, at, low, s.low_rank.ld);
    if (round_rows(c, l, m, in, ld, at)) {
        c.me.sync();
    }
    const auto product = forward_product(c, l, m, in, ld, at.size, low, s.low_rank.ld);
    if (base.adds_plainly()) {
        kernels.gemm_add(product, x.row(at.begin), x.ld);
        c.me.sync();
        return;
    }
    kernels.gemm_f32(product, projected.row(0), projected.ld);
    c.me.sync();
    int32_t from, to;
    c.me.range(0, at.size, from, to);
    residual_args<T> r = base.residual(l, m);
    r.n                = to - from;
    r.y                = projected.row(from);
    r.ld_y             = projected.ld;
    r.x                = x.row(at.begin + from);
    r.ld_x             = x.ld;
    if (keep && base.hp.norm_after) {
        matrix_buffer<T> & unit = m == attn_output ? s.attn_added : s.ffn_added;
        r.unit                  = unit.row(at.begin + from);
        r.ld_unit               = unit.ld;
        r.rstd                  = (m == attn_output ? s.attn_added_rstd : s.ffn_added_rstd).data() + at.begin + from;
    }
    kernels.residual(r);
    c.me.sync();
}

template <class T>
void block_runner<T>::attention_in(const context & c, int32_t l, activations<T> & s, const chunk & at, bool keep) {
    const head_layout heads = base.heads(l);
    const int64_t     slot  = keep ? at.begin : 0;
    int32_t           from, to;
    c.me.range(0, at.size, from, to);

    read_residual(c, l, at, attn_q, s.attn_in.row(slot), s.attn_in.ld, s.attn_rstd.data() + slot);
    dropout_keys(c, l, at);
    const T * in = s.attn_in.row(slot);
    for (const matrix m : { attn_q, attn_k, attn_v }) {
        low_rank_forward(c, l, m, in, s.attn_in.ld, at, s.low_rank.row(slot), s.low_rank.ld);
    }
    int32_t column = 0;
    for (const matrix m : { attn_q, attn_k, attn_v }) {
        const auto args = forward_product(c, l, m, in, s.attn_in.ld, at.size, s.low_rank.row(slot), s.low_rank.ld);
        kernels.gemm_f32(args, projected.row(0) + column, projected.ld);
        column += args.n;
    }
    c.me.sync();

    qkv_args<T> q;
    q.heads  = &heads;
    q.n      = to - from;
    c.g.rotate(q, base.hp.layers[l], at.begin + from);
    q.in     = projected.row(from);
    q.ld_in  = projected.ld;
    q.out    = s.qkv.row(at.begin + from);
    q.ld_out = s.qkv.ld;
    if (keep && heads.q_norm != nullptr) {
        q.normed    = s.normed.row(at.begin + from);
        q.ld_normed = s.normed.ld;
        q.rstd      = s.head_rstd.row(at.begin + from);
        q.ld_rstd   = s.head_rstd.ld;
    }
    kernels.qkv(q);
    if (c.places != nullptr) {
        fill_cache(c, l, s, at.begin + from, at.begin + to);
    }
    c.me.sync();
}

template <class T>
void block_runner<T>::fill_cache(const context & c, int32_t l, activations<T> & s, int32_t from, int32_t to) {
    const head_layout heads = base.heads(l);
    for (int32_t r = 0; r < c.g.n_rows(); ++r) {
        const cache_place<T> & place = c.places[r];
        const int32_t          begin = std::max(from, c.g.begin(r));
        const int32_t          end   = std::min(to, c.g.begin(r) + c.g.size(r));
        for (int32_t t = begin; place.keep && t < end; ++t) {
            for (int32_t kv = 0; kv < heads.n_head_kv; ++kv) {
                const T * key = s.qkv.row(t) + heads.q_size() + kv * heads.head_dim;
                place.cache->store(l, place.first + t - c.g.begin(r), kv, key, key + heads.k_size());
            }
        }
    }
}

template <class T>
void block_runner<T>::attend(const context & c, int32_t l, activations<T> & s, bool keep) {
    const head_layout heads = base.heads(l);
    // Pieces of (row, kv head, queries), dealt in turn: later queries of a causal row cost more. Without a cache keys are
    // packed once a piece.
    const int32_t piece = c.places ? 96 : 256;
    int32_t           turn  = 0;
    for (int32_t r = 0; r < c.g.n_rows(); ++r) {
        const int32_t     window = base.hp.layers[l].window;
        const visibility  sees  = c.places ? c.places[r].cache->view(window) : c.g.sees[r].view(window);
        const int32_t     first = c.g.begin(r);
        attention_args<T> a;
        a.heads  = &heads;
        a.sees   = &sees;
        a.n      = c.g.size(r);
        a.qkv    = s.qkv.row(first);
        a.ld     = s.qkv.ld;
        a.out    = s.attn_out.row(first);
        a.ld_out = s.attn_out.ld;
        a.lse    = keep ? s.lse.data() + int64_t(first) * heads.n_head : nullptr;
        const int32_t step = c.me.part.size == 1 ? a.n : piece;
        for (int32_t begin = 0; begin < a.n; begin += step) {
            for (int32_t kv = 0; kv < heads.n_head_kv; ++kv) {
                if (turn++ % c.me.part.size != c.me.part.rank) {
                    continue;
                }
                const int32_t end = std::min(begin + step, a.n);
                if (c.places == nullptr) {
                    kernels.attention(a, kv, begin, end);
                    continue;
                }
                const sequence_cache<T> & cache = *c.places[r].cache;
                kernels.cached_attention({ &heads, &sees, c.places[r].first, a.qkv, a.ld, cache.of_head(l, kv), a.out,
                                           a.ld_out },
                                         kv, begin, end);
            }
        }
    }
    c.me.sync();
}

template <class T>
void block_runner<T>::feed_forward(const context & c, int32_t l, activations<T> & s, const chunk & at, bool keep) {
    const int64_t slot = keep ? at.begin : 0;
    T * const     low  = s.low_rank.row(slot);

    dropout_keys(c, l, at);
    add_residual(c, l, s, at, keep, attn_output, s.attn_out.row(at.begin), s.attn_out.ld);
    read_residual(c, l, at, ffn_gate, s.ffn_in.row(slot), s.ffn_in.ld, s.ffn_rstd.data() + slot);
    const T * in = s.ffn_in.row(slot);
    low_rank_forward(c, l, ffn_gate, in, s.ffn_in.ld, at, low, s.low_rank.ld);
    low_rank_forward(c, l, ffn_up, in, s.ffn_in.ld, at, low, s.low_rank.ld);
    gated_args<T> gated;
    gated.gate = forward_product(c, l, ffn_gate, in, s.ffn_in.ld, at.size, low, s.low_rank.ld);
    gated.up   = forward_product(c, l, ffn_up, in, s.ffn_in.ld, at.size, low, s.low_rank.ld);
    gated.act  = base.hp.act;
    gated.h    = h.row(0);
    gated.ldh  = h.ld;
    if (keep) {
        gated.kept = s.gate_up.data() + kept_size(at.begin, base.hp.n_ff);
    }
    kernels.gated(gated);
    c.me.sync();

    add_residual(c, l, s, at, keep, ffn_down, h.row(0), h.ld);
}

template <class T>
void block_runner<T>::forward_layer(const context & c, int32_t l, activations<T> & s, bool keep) {
    for (const chunk & at : chunks(c)) {
        attention_in(c, l, s, at, keep);
    }
    attend(c, l, s, keep);
    for (const chunk & at : chunks(c)) {
        feed_forward(c, l, s, at, keep);
    }
}

template <class T>
void block_runner<T>::forward(const member & me, const prepared_group & g, const engine_dropout & dropout,
                              const cache_place<T> * places) {
    const context c{ me, g, dropout, nullptr, places };
    embed(c);
    for (int32_t l = 0; l < base.hp.n_layer; ++l) {
        if (mode == run_mode::train_recompute) {
            int32_t from, to;
            me.range(0, g.n_tokens(), from, to);
            std::copy(x.row(from), x.row(to), inputs[l].row(from));
            me.sync();
        }
        forward_layer(c, l, layers[mode == run_mode::train ? l : 0], mode != run_mode::infer);
    }
}

template void block_runner<bf16>::forward(const member &, const prepared_group &, const engine_dropout &,
                                          const cache_place<bf16> *);
template void block_runner<float>::forward(const member &, const prepared_group &, const engine_dropout &,
                                           const cache_place<float> *);
template void block_runner<bf16>::forward_layer(const context &, int32_t, activations<bf16> &, bool);
template void block_runner<float>::forward_layer(const context &, int32_t, activations<float> &, bool);

} // namespace magnet::fused
