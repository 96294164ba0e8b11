#include "block.h"

#include <algorithm>

namespace magnet::fused {

template <class T>
void block_runner<T>::low_rank_backward(const context & c, int32_t l, matrix m, const T * dy, int64_t ld, int32_t n) {
    const adapted<T> & a = lora.of(l, m);
    if (a.rank == 0) {
        return;
    }
    gemm_args<T> args;
    args.m    = n;
    args.n    = a.rank;
    args.part = c.me.part;
    args.add(a.b_back.times(dy, ld));
    kernels.gemm(args, d_low.row(0) + a.column, d_low.ld);
}

template <class T>
void block_runner<T>::add_backward_terms(const context & c, gemm_args<T> & args, int32_t l, matrix m, const T * dy,
                                         int64_t ld) {
    const adapted<T> & a = lora.of(l, m);
    args.add(base.layers[l].matrices[m].backward.times(dy, ld));
    if (a.rank > 0) {
        product<T> term = a.a_back.times(d_low.row(0) + a.column, d_low.ld);
        term.dropped    = c.dropout.p > 0.0f ? &masks[m] : nullptr;
        args.add(term);
    }
}

// Packs x [k, n] as a right-hand side, panels shared out among the team.
template <class T>
void block_runner<T>::pack_shared(const context & c, const T * x, int64_t ld, int32_t k, int32_t n, T * out) {
    int32_t from, to;
    c.me.range(0, int32_t(round_up(n, panel_width)) / panel_width, from, to);
    if (from < to) {
        kernels.pack(x + from * panel_width, ld, k, std::min(n, to * panel_width) - from * panel_width,
                     out + from * panel_size(k));
    }
}

template <class T>
void block_runner<T>::adapter_gradients(const context & c, int32_t l, const std::vector<gradient_of> & matrices,
                                        const T * in, int64_t ld_in, const T * low_rank, int64_t ld_low, int32_t n) {
    const bool dropout   = c.dropout.p > 0.0f;
    bool       in_packed = false;
    for (const gradient_of & g : matrices) {
        const adapted<T> & a = lora.of(l, g.m);
        const linear<T> &  w = base.layers[l].matrices[g.m];
        if (a.trained == 0) {
            continue;
        }
        if (dropout) {
            int32_t from, to;
            c.me.range(0, n, from, to);
            dropout_mask mask = masks[g.m];
            mask.keys += from;
            kernels.drop(in + from * ld_in, ld_in, to - from, w.n_in, mask, dropped.row(from), dropped.ld);
            c.me.sync();
        }
        if (dropout || !in_packed) {
            pack_shared(c, dropout ? dropped.row(0) : in, dropout ? dropped.ld : ld_in, n, w.n_in, packed_in.data());
            in_packed = true;
        }
        pack_shared(c, g.dy, g.ld, n, w.n_out, packed_dy.data());
        int32_t from, to;
        c.me.range(0, a.trained, from, to);
        kernels.transpose(low_rank + a.column + from, ld_low, n, to - from, low_t.row(from), low_t.ld);
        kernels.transpose(d_low.row(0) + a.column + from, d_low.ld, n, to - from, d_low_t.row(from), d_low_t.ld);
        c.me.sync();

        const auto accumulate = [&](matrix_buffer<T> & left, const buffer<T> & right, int32_t n_out, float * to) {
            gemm_args<T> args;
            args.m    = a.trained;
            args.n    = n_out;
            args.part = c.me.part;
            product<T> term;
            term.a        = left.row(0);
            term.lda      = left.ld;
            term.b        = right.data();
            term.b_stride = panel_size(n);
            term.k        = n;
            args.add(term);
            kernels.gemm_add(args, to, n_out);
        };
        accumulate(d_low_t, packed_in, w.n_in, c.gradient + a.grad_a);
        accumulate(low_t, packed_dy, w.n_out, c.gradient + a.grad_b);
        c.me.sync();
    }
}

template <class T>
void block_runner<T>::add_residual_backward(const context & c, int32_t l, activations<T> & s, const chunk & at, matrix m) {
    int32_t from, to;
    c.me.range(0, at.size, from, to);
    residual_args<T> r = base.residual(l, m);
    r.n                = to - from;
    r.x                = dx.row(at.begin + from);
    r.ld_x             = dx.ld;
    r.dy               = dy.row(from);
    r.ld_dy            = dy.ld;
    if (base.hp.norm_after) {
        matrix_buffer<T> & unit = m == attn_output ? s.attn_added : s.ffn_added;
        r.unit                  = unit.row(at.begin + from);
        r.ld_unit               = unit.ld;
        r.rstd                  = (m == attn_output ? s.attn_added_rstd : s.ffn_added_rstd).data() + at.begin + from;
    }
    kernels.residual_backward(r);
    c.me.sync();
}

template <class T>
void block_runner<T>::read_residual_backward(const context & c, const chunk & at, const T * in, int64_t ld,
                                             const float * rstd) {
    int32_t from, to;
    c.me.range(0, at.size, from, to);
    if (base.hp.norm_before) {
        kernels.rms_norm_backward(d_in.row(from), d_in.ld, in + from * ld, ld, rstd + from, to - from, base.hp.n_embd,
                                  dx.row(at.begin + from), dx.ld);
        return;
    }
    residual_args<T> sum; // dx += d_in
    sum.n    = to - from;
    sum.d    = base.hp.n_embd;
    sum.y    = d_in.row(from);
    sum.ld_y = d_in.ld;
    sum.x    = dx.row(at.begin + from);
    sum.ld_x = dx.ld;
    kernels.residual(sum);
}

template <class T>
void block_runner<T>::feed_forward_backward(const context & c, int32_t l, activations<T> & s, const chunk & at) {
    const int32_t d = base.hp.n_embd;
    const int32_t n = at.size;
    const T *     low = s.low_rank.row(at.begin);

    dropout_keys(c, l, at);
    add_residual_backward(c, l, s, at, ffn_down);
    low_rank_backward(c, l, ffn_down, dy.row(0), dy.ld, n);
    c.me.sync();
    gated_backward_args<T> gated;
    gated.dh.m    = n;
    gated.dh.n    = base.hp.n_ff;
    gated.dh.part = c.me.part;
    add_backward_terms(c, gated.dh, l, ffn_down, dy.row(0), dy.ld);
    gated.act    = base.hp.act;
    gated.kept   = s.gate_up.data() + kept_size(at.begin, base.hp.n_ff);
    gated.d_gate = d_gate.row(0);
    gated.d_up   = d_up.row(0);
    gated.ld_d   = d_gate.ld;
    gated.h      = h.row(0);
    gated.ldh    = h.ld;
    kernels.gated_backward(gated);
    c.me.sync();
    adapter_gradients(c, l, { { ffn_down, dy.row(0), dy.ld } }, h.row(0), h.ld, low, s.low_rank.ld, n);

    low_rank_backward(c, l, ffn_gate, d_gate.row(0), d_gate.ld, n);
    low_rank_backward(c, l, ffn_up, d_up.row(0), d_up.ld, n);
    c.me.sync();
    gemm_args<T> args;
    args.m    = n;
    args.n    = d;
    args.part = c.me.part;
    add_backward_terms(c, args, l, ffn_gate, d_gate.row(0), d_gate.ld);
    add_backward_terms(c, args, l, ffn_up, d_up.row(0), d_up.ld);
    kernels.gemm_f32(args, d_in.row(0), d_in.ld);
    adapter_gradients(c, l, { { ffn_gate, d_gate.row(0), d_gate.ld }, { ffn_up, d_up.row(0), d_up.ld } },
                      s.ffn_in.row(at.begin), s.ffn_in.ld, low, s.low_rank.ld, n);
    c.me.sync();
    read_residual_backward(c, at, s.ffn_in.row(at.begin), s.ffn_in.ld, s.ffn_rstd.data() + at.begin);

    add_residual_backward(c, l, s, at, attn_output);
    low_rank_backward(c, l, attn_output, dy.row(0), dy.ld, n);
    c.me.sync();
    gemm_args<T> out;
    out.m    = n;
    out.n    = base.layers[l].matrices[attn_output].n_in;
    out.part = c.me.part;
    add_backward_terms(c, out, l, attn_output, dy.row(0), dy.ld);
    kernels.gemm(out, d_attn.row(at.begin), d_attn.ld);
    adapter_gradients(c, l, { { attn_output, dy.row(0), dy.ld } }, s.attn_out.row(at.begin), s.attn_out.ld, low,
                      s.low_rank.ld, n);
    c.me.sync();
}

template <class T>
void block_runner<T>::attention_backward(const context & c, int32_t l, activations<T> & s) {
    const head_layout heads = base.heads(l);
    int32_t           turn  = 0;
    for (int32_t r = 0; r < c.g.n_rows(); ++r) {
        const visibility           sees  = c.g.sees[r].view(base.hp.layers[l].window);
        const int32_t              first = c.g.begin(r);
        attention_backward_args<T> a;
        a.forward.heads  = &heads;
        a.forward.sees   = &sees;
        a.forward.n      = c.g.size(r);
        a.forward.qkv    = s.qkv.row(first);
        a.forward.ld     = s.qkv.ld;
        a.forward.out    = s.attn_out.row(first);
        a.forward.ld_out = s.attn_out.ld;
        a.forward.lse    = s.lse.data() + int64_t(first) * heads.n_head;
        a.d_out          = d_attn.row(first);
        a.ld_d_out       = d_attn.ld;
        a.d_qkv          = d_rotated.row(first);
        a.ld_d_qkv       = d_rotated.ld;
        for (int32_t kv = 0; kv < heads.n_head_kv; ++kv) {
            if (turn++ % c.me.part.size == c.me.part.rank) {
                kernels.attention_backward(a, kv);
            }
        }
    }
    c.me.sync();
}

template <class T>
void block_runner<T>::attention_in_backward(const context & c, int32_t l, activations<T> & s, const chunk & at) {
    const head_layout heads = base.heads(l);
    const int32_t     n     = at.size;
    int32_t           from, to;
    c.me.range(0, n, from, to);

    dropout_keys(c, l, at);
    qkv_args<T> q;
    q.heads  = &heads;
    q.n      = to - from;
    c.g.rotate(q, base.hp.layers[l], at.begin + from);
    q.in     = d_rotated.row(at.begin + from);
    q.ld_in  = d_rotated.ld;
    q.out    = d_qkv.row(from);
    q.ld_out = d_qkv.ld;
    if (heads.q_norm != nullptr) {
        q.normed    = s.normed.row(at.begin + from);
        q.ld_normed = s.normed.ld;
        q.rstd      = s.head_rstd.row(at.begin + from);
        q.ld_rstd   = s.head_rstd.ld;
    }
    kernels.qkv_backward(q);
    c.me.sync();

    const std::vector<gradient_of> matrices = { { attn_q, d_qkv.row(0), d_qkv.ld },
                                                { attn_k, d_qkv.row(0) + heads.q_size(), d_qkv.ld },
                                                { attn_v, d_qkv.row(0) + heads.q_size() + heads.k_size(), d_qkv.ld } };
    gemm_args<T> args;
    args.m    = n;
    args.n    = base.hp.n_embd;
    args.part = c.me.part;
    for (const gradient_of & g : matrices) {
        low_rank_backward(c, l, g.m, g.dy, g.ld, n);
    }
    c.me.sync();
    if (l > 0) { // embeddings are not trained
        for (const gradient_of & g : matrices) {
            add_backward_terms(c, args, l, g.m, g.dy, g.ld);
        }
        kernels.gemm_f32(args, d_in.row(0), d_in.ld);
    }
    adapter_gradients(c, l, matrices, s.attn_in.row(at.begin), s.attn_in.ld, s.low_rank.row(at.begin), s.low_rank.ld,
                      n);
    c.me.sync();
    if (l > 0) {
        read_residual_backward(c, at, s.attn_in.row(at.begin), s.attn_in.ld, s.attn_rstd.data() + at.begin);
        c.me.sync();
    }
}

template <class T>
void block_runner<T>::backward(const member & me, const prepared_group & g, const engine_dropout & dropout,
                               float * gradient) {
    const context c{ me, g, dropout, gradient };
    for (int32_t l = base.hp.n_layer - 1; l >= 0; --l) {
        activations<T> & s = layers[mode == run_mode::train ? l : 0];
        if (mode == run_mode::train_recompute) {
            int32_t from, to;
            me.range(0, g.n_tokens(), from, to);
            std::copy(inputs[l].row(from), inputs[l].row(to), x.row(from));
            me.sync();
            forward_layer(c, l, s, true);
        }
        for (const chunk & at : chunks(c)) {
            feed_forward_backward(c, l, s, at);
        }
        attention_backward(c, l, s);
        for (const chunk & at : chunks(c)) {
            attention_in_backward(c, l, s, at);
        }
    }
}

template void block_runner<bf16>::backward(const member &, const prepared_group &, const engine_dropout &, float *);
template void block_runner<float>::backward(const member &, const prepared_group &, const engine_dropout &, float *);

} // namespace magnet::fused
