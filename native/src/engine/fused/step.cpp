#include "step.h"

#include "final-norm.h"

#include <algorithm>
#include <cmath>

namespace magnet::fused {

namespace {

int32_t panels(int32_t n) { return (n + panel_width - 1) / panel_width; }

} // namespace

template <class T>
void step_runner<T>::reserve(int32_t n, int32_t n_threads) {
    const hparams &   hp     = base.hp;
    const head_layout heads  = base.heads(0);
    const int32_t     widest = std::max({ hp.n_embd, hp.n_ff, heads.q_size() });
    x.reserve(n, hp.n_embd);
    projected.reserve(n, heads.size());
    attn_out.reserve(n, heads.q_size());
    h.reserve(n, round_up(hp.n_ff, panel_width));
    while (int32_t(spaces.size()) < n_threads) {
        spaces.push_back(std::make_unique<workspace>());
    }
    for (auto & w : spaces) {
        w->input.reserve(n * stored.widest_input());
        w->unit.reserve(n, widest);
        w->wide.reserve(1, widest);
        w->qkv.reserve(1, heads.size());
        w->tile.reserve(n * panel_width);
        w->tile_up.reserve(n * panel_width);
        for (matrix_buffer<T> & low : w->low) {
            low.reserve(n, lora.width());
        }
    }
}

template <class T>
void step_runner<T>::embed(const prepared_group & g) {
    steps.run(0, g.n_tokens(), [&](int32_t t) {
        base.embeddings.widen(g.tokens[t], x.row(t));
        for (int32_t i = 0; base.hp.embd_scale != 1.0f && i < base.hp.n_embd; ++i) {
            x.row(t)[i] *= base.hp.embd_scale;
        }
    });
}

// Row `row` of the input of m, for dot() and for adapters.
template <class T>
void step_runner<T>::take_input(workspace & w, const place & p, matrix m, const float * in, int32_t row) {
    const stored_matrix & s = stored.of(p.layer, m);
    s.prepare(in, w.input.data() + row * s.input_bytes);
    if (lora.width() > 0) {
        kernels.convert(in, s.n_in, 1, s.n_in, w.unit.row(row), w.unit.ld);
    }
}

// Input of the matrices that read the residual stream: the stored ones want the norm's weights in it, adapters do not.
template <class T>
void step_runner<T>::normalise(workspace & w, const place & p, matrix reads) {
    const hparams &            hp    = base.hp;
    const std::vector<float> & scale = base.layers[p.layer].matrices[reads].column_scale;
    const stored_matrix &      s     = stored.of(p.layer, reads);
    for (int32_t i = 0; i < p.n; ++i) {
        float rstd;
        kernels.rms_norm(x.row(i), x.ld, 1, hp.n_embd, hp.eps, w.unit.row(i), w.unit.ld, &rstd);
        float *       wide = w.wide.row(0);
        const float * in   = x.row(i);
        for (int32_t c = 0; c < hp.n_embd; ++c) {
            wide[c] = in[c] * rstd * scale[c];
        }
        s.prepare(wide, w.input.data() + i * s.input_bytes);
    }
}

template <class T>
void step_runner<T>::low_rank(workspace & w, const place & p, matrix m, int32_t slot) {
    const adapted<T> & a = lora.of(p.layer, m);
    if (a.rank > 0) {
        gemm_args<T> args;
        args.m = p.n;
        args.n = a.rank;
        args.add(a.a.times(w.unit.row(0), w.unit.ld));
        kernels.gemm(args, w.low[slot].row(0), w.low[slot].ld);
    }
}

// tile [n, panel_width] = one panel of outputs of m, in the engine's order.
template <class T>
void step_runner<T>::multiply(workspace & w, const place & p, matrix m, int32_t slot, int32_t panel, float * tile) {
    const stored_matrix & s     = stored.of(p.layer, m);
    const linear<T> &     about = base.layers[p.layer].matrices[m];
    const adapted<T> &    a     = lora.of(p.layer, m);
    const int32_t         first = panel * panel_width;
    const int32_t         cols  = std::min(panel_width, s.n_out - first);
    for (int32_t c = 0; c < cols; ++c) {
        s.dot(about.row_order.empty() ? first + c : about.row_order[first + c], w.input.data(), p.n, tile + c, panel_width);
    }
    if (about.bias.size() > 0) {
        for (int32_t i = 0; i < p.n; ++i) {
            for (int32_t c = 0; c < cols; ++c) {
                tile[i * panel_width + c] += about.bias[first + c];
            }
        }
    }
    if (a.rank > 0) {
        gemm_args<T> args;
        product<T>   term = a.b.times(w.low[slot].row(0), w.low[slot].ld);
        term.b += panel * term.b_stride;
        args.m = p.n;
        args.n = cols;
        args.add(term);
        kernels.gemm_add(args, tile, panel_width);
    }
}

template <class T>
void step_runner<T>::attention_in(const place & p) {
    workspace &       w     = *spaces[p.rank];
    const head_layout heads = base.heads(p.layer);
    const int32_t     group = heads.n_head / heads.n_head_kv;
    const int32_t     dim   = heads.head_dim;
    const int32_t     n_q = panels(heads.q_size()), n_k = panels(heads.k_size());
    bool              ready = false;
    steps.run(p.phase, n_q + 2 * n_k, [&](int32_t piece) {
        if (!ready) {
            normalise(w, p, attn_q);
            for (const matrix m : { attn_q, attn_k, attn_v }) {
                low_rank(w, p, m, m - attn_q);
            }
            ready = true;
        }
        const matrix  m     = piece < n_q ? attn_q : piece < n_q + n_k ? attn_k : attn_v;
        const int32_t panel = m == attn_q ? piece : m == attn_k ? piece - n_q : piece - n_q - n_k;
        multiply(w, p, m, m - attn_q, panel, w.tile.data());
        const int32_t end = std::min((panel + 1) * panel_width, m == attn_q ? heads.q_size() : heads.k_size());
        for (int32_t r = panel * panel_width; r < end; ++r) { // to the part of its kv head
            const int32_t head  = m == attn_q ? r / dim / group : r / dim;
            const int32_t place = m == attn_q ? r / dim % group : m == attn_k ? group : group + 1;
            const int32_t to    = (head * (group + 2) + place) * dim + r % dim;
            for (int32_t i = 0; i < p.n; ++i) {
                projected.row(i)[to] = w.tile[i * panel_width + r % panel_width];
            }
        }
    });
}

template <class T>
void step_runner<T>::attend(const place & p, const prepared_group & g, const cache_place<T> * places) {
    const int32_t n_head_kv = base.hp.n_head_kv;
    steps.run(p.phase, p.n * n_head_kv, [&](int32_t piece) {
        const int32_t row = piece / n_head_kv;
        attend_one(p, g, places[row], row, piece % n_head_kv);
    });
}

// The heads of a token that share a kv head.
template <class T>
void step_runner<T>::attend_one(const place & p, const prepared_group & g, const cache_place<T> & where, int32_t row,
                                int32_t kv) {
    workspace &   w     = *spaces[p.rank];
    head_layout   heads = base.heads(p.layer);
    const int32_t half  = heads.n_rot / 2;
    heads.n_head /= heads.n_head_kv;
    heads.n_head_kv = 1;

    qkv_args<T> q;
    q.heads  = &heads;
    q.n      = 1;
    q.cos    = g.cos.data() + int64_t(row) * half;
    q.sin    = g.sin.data() + int64_t(row) * half;
    q.in     = projected.row(row) + kv * heads.size();
    q.ld_in  = projected.ld;
    q.out    = w.qkv.row(0);
    q.ld_out = w.qkv.ld;
    kernels.qkv(q);
    const T * key = w.qkv.row(0) + heads.q_size();
    if (where.keep) {
        where.cache->store(p.layer, where.first, kv, key, key + heads.k_size());
    }
    const visibility sees = where.cache->view();
    T *              out  = w.unit.row(0);
    kernels.cached_attention({ &heads, &sees, where.first, w.qkv.row(0), w.qkv.ld, where.cache->keys(p.layer, kv),
                               where.cache->values(p.layer, kv), out, w.unit.ld },
                             0, 0, 1);
    float * to = attn_out.row(row) + kv * heads.q_size();
    for (int32_t c = 0; c < heads.q_size(); ++c) {
        to[c] = to_float(out[c]);
    }
}

// x += what a matrix makes of `in`.
template <class T>
void step_runner<T>::add_output(const place & p, matrix m, matrix_buffer<float> & in) {
    workspace & w     = *spaces[p.rank];
    bool        ready = false;
    steps.run(p.phase, panels(base.hp.n_embd), [&](int32_t panel) {
        if (!ready) {
            for (int32_t i = 0; i < p.n; ++i) {
                take_input(w, p, m, in.row(i), i);
            }
            low_rank(w, p, m, 0);
            ready = true;
        }
        multiply(w, p, m, 0, panel, w.tile.data());
        const int32_t first = panel * panel_width;
        const int32_t cols  = std::min(panel_width, base.hp.n_embd - first);
        for (int32_t i = 0; i < p.n; ++i) {
            for (int32_t c = 0; c < cols; ++c) {
                x.row(i)[first + c] += w.tile[i * panel_width + c];
            }
        }
    });
}

template <class T>
void step_runner<T>::gate_up(const place & p) {
    workspace & w     = *spaces[p.rank];
    bool        ready = false;
    steps.run(p.phase, panels(base.hp.n_ff), [&](int32_t panel) {
        if (!ready) {
            normalise(w, p, ffn_gate);
            low_rank(w, p, ffn_gate, 0);
            low_rank(w, p, ffn_up, 1);
            ready = true;
        }
        multiply(w, p, ffn_gate, 0, panel, w.tile.data());
        multiply(w, p, ffn_up, 1, panel, w.tile_up.data());
        for (int32_t i = 0; i < p.n; ++i) {
            kernels.activate(base.hp.act, w.tile.data() + i * panel_width, w.tile_up.data() + i * panel_width, panel_width,
                             h.row(i) + panel * panel_width);
        }
    });
}

template <class T>
void step_runner<T>::forward(int32_t rank, const prepared_group & g, const cache_place<T> * places) {
    embed(g);
    place p = { rank, 0, g.n_tokens(), 1 };
    for (; p.layer < base.hp.n_layer; ++p.layer) {
        attention_in(p);
        ++p.phase;
        attend(p, g, places);
        ++p.phase;
        add_output(p, attn_output, attn_out);
        ++p.phase;
        gate_up(p);
        ++p.phase;
        add_output(p, ffn_down, h);
        ++p.phase;
    }
}

template <class T>
void step_runner<T>::logits(int32_t rank, matrix_buffer<float> * in, const int32_t * rows, int32_t n,
                            float * const * logits) {
    constexpr int32_t     rows_of_piece = 256;
    workspace &           w             = *spaces[rank];
    const stored_matrix & head          = stored.head();
    const int32_t         phase         = 1 + phases_of_layer * base.hp.n_layer;
    bool                  ready         = false;
    steps.run(phase, (head.n_out + rows_of_piece - 1) / rows_of_piece, [&](int32_t piece) {
        for (int32_t i = 0; !ready && i < n; ++i) {
            final_norm_row(base.hp, base.output_norm, (in ? *in : x).row(rows[i]), w.wide.row(0));
            head.prepare(w.wide.row(0), w.input.data() + i * head.input_bytes);
        }
        ready             = true;
        const int32_t end = std::min(head.n_out, (piece + 1) * rows_of_piece);
        for (int32_t r = piece * rows_of_piece; r < end; ++r) {
            for (int32_t i = 0; i < n; ++i) {
                head.dot(r, w.input.data() + i * head.input_bytes, 1, logits[i] + r, 0);
            }
        }
    });
}

template class step_runner<bf16>;
template class step_runner<float>;

} // namespace magnet::fused
