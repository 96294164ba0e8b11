#include "step.h"

#include "final-norm.h"
#include "head.h"

#include <algorithm>
#include <cmath>
#include <numeric>

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
    added.reserve(n, base.adds_plainly() ? 0 : hp.n_embd);
    projected.reserve(n, heads.size());
    h.reserve(n, round_up(hp.n_ff, panel_width));
    while (int32_t(spaces.size()) < n_threads) {
        spaces.push_back(std::make_unique<workspace>());
    }
    for (auto & w : spaces) {
        w->own.reserve(std::min(n, rows_alone), stored.widest_input(), widest, lora.width());
        w->wide.reserve(1, std::max(widest, heads.size()));
        w->qkv.reserve(1, heads.size());
        w->tile.reserve(n * panel_width);
        w->tile_up.reserve(n * panel_width);
    }
    if (n > rows_alone) {
        common.reserve(n, stored.widest_input(), widest, lora.width());
    }
}

template <class T>
void step_runner<T>::inputs::reserve(int32_t n, int64_t widest_input, int32_t widest, int32_t rank) {
    stored.reserve(n * widest_input);
    unit.reserve(n, widest);
    for (matrix_buffer<T> & l : low) {
        l.reserve(n, rank);
    }
}

// Calls make(inputs, row) for every row before multiply(inputs, piece) for pieces of [0, n).
template <class T>
template <class Make, class Multiply>
void step_runner<T>::run_product(int32_t phase, int32_t rank, int32_t n_rows, int32_t n, Make && make, Multiply && multiply) {
    if (n_rows > rows_alone) {
        steps.run(2 * phase, n_rows, [&](int32_t row) { make(common, row); });
        steps.run(2 * phase + 1, n, [&](int32_t piece) { multiply(common, piece); });
        return;
    }
    inputs & own   = spaces[rank]->own;
    bool     ready = false;
    steps.run(2 * phase, n, [&](int32_t piece) {
        for (int32_t row = 0; !ready && row < n_rows; ++row) {
            make(own, row);
        }
        ready = true;
        multiply(own, piece);
    });
}

template <class T>
void step_runner<T>::begin(const cache_place<T> * places, int32_t n_rows) {
    this->places = places;
    steps.reset(2 * (phases_of_layer() * base.hp.n_layer + 2));
    if (places == nullptr) {
        return;
    }
    const head_layout heads = base.heads(0);
    const int32_t     group = heads.n_head / heads.n_head_kv;
    pieces.clear();
    offsets = { 0 };
    for (int32_t r = 0; r < n_rows; ++r) {
        const int32_t n_blocks = places[r].cache->view().n_blocks;
        for (int32_t kv = 0; kv < heads.n_head_kv; ++kv) {
            for (int32_t b = 0; b < n_blocks; b += blocks_of_part) {
                pieces.push_back({ r, kv, b, std::min(n_blocks, b + blocks_of_part), nullptr });
            }
        }
        offsets.push_back(int32_t(pieces.size()) * group);
    }
    parts.resize(pieces.size() * group);
    part_sums.reserve(int64_t(parts.size()) * heads.head_dim);
    for (size_t i = 0; i < parts.size(); ++i) {
        parts[i].sums = part_sums.data() + int64_t(i) * heads.head_dim;
    }
    for (size_t i = 0; i < pieces.size(); ++i) {
        pieces[i].out = parts.data() + i * group;
    }
}

template <class T>
void step_runner<T>::embed(const prepared_group & g) {
    steps.run(0, g.n_tokens(), [&](int32_t t) {
        base.embed(g.tokens[t], x.row(t));
    });
}

// Row `row` of the input of m.
template <class T>
void step_runner<T>::take_input(inputs & to, const place & p, matrix m, const float * in, int32_t row) {
    const stored_matrix & s = stored.of(p.layer, m);
    s.prepare(in, to.stored.data() + row * s.input_bytes, kernels);
    if (lora.width() > 0) {
        kernels.convert(in, s.n_in, 1, s.n_in, to.unit.row(row), to.unit.ld);
    }
    low_rank(to, p, m, 0, row);
}

// Input of the matrices that read the residual stream: the stored ones want the norm's weights in it, adapters do not.
template <class T>
void step_runner<T>::normalise(inputs & to, const place & p, matrix first, matrix last, int32_t row) {
    const hparams &            hp    = base.hp;
    const std::vector<float> & scale = base.layers[p.layer].matrices[first].column_scale;
    const stored_matrix &      s     = stored.of(p.layer, first);
    const float *              in    = x.row(row);
    float *                    wide  = spaces[p.rank]->wide.row(0);
    float                      rstd;
    if (hp.norm_before) {
        kernels.rms_norm(in, x.ld, 1, hp.n_embd, hp.eps, to.unit.row(row), to.unit.ld, &rstd);
        for (int32_t c = 0; c < hp.n_embd; ++c) {
            wide[c] = in[c] * rstd * scale[c];
        }
        in = wide;
    } else {
        kernels.convert(in, x.ld, 1, hp.n_embd, to.unit.row(row), to.unit.ld);
    }
    s.prepare(in, to.stored.data() + row * s.input_bytes, kernels);
    for (int32_t m = first; m <= last; ++m) {
        low_rank(to, p, matrix(m), m - first, row);
    }
}

template <class T>
void step_runner<T>::low_rank(inputs & to, const place & p, matrix m, int32_t slot, int32_t row) {
    const adapted<T> & a = lora.of(p.layer, m);
    if (a.rank > 0) {
        gemm_args<T> args;
        args.m = 1;
        args.n = a.rank;
        args.add(a.a.times(to.unit.row(row), to.unit.ld));
        kernels.gemm(args, to.low[slot].row(row), to.low[slot].ld);
    }
}

// tile [n, panel_width] = one panel of outputs of m, in the engine's order.
template <class T>
void step_runner<T>::multiply(inputs & in, const place & p, matrix m, int32_t slot, int32_t panel, float * tile) {
    const stored_matrix & s     = stored.of(p.layer, m);
    const linear<T> &     about = base.layers[p.layer].matrices[m];
    const adapted<T> &    a     = lora.of(p.layer, m);
    const int32_t         first = panel * panel_width;
    const int32_t         cols  = std::min(panel_width, s.n_out - first);
    s.multiply(panel, in.stored.data(), p.n, tile, kernels);
    if (about.bias.size() > 0) {
        for (int32_t i = 0; i < p.n; ++i) {
            for (int32_t c = 0; c < cols; ++c) {
                tile[i * panel_width + c] += about.bias[first + c];
            }
        }
    }
    if (a.rank > 0) {
        gemm_args<T> args;
        product<T>   term = a.b.times(in.low[slot].row(0), in.low[slot].ld);
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
    const auto        make = [&](inputs & in, int32_t row) { normalise(in, p, attn_q, attn_v, row); };
    run_product(p.phase, p.rank, p.n, n_q + 2 * n_k, make, [&](inputs & in, int32_t piece) {
        const matrix  m     = piece < n_q ? attn_q : piece < n_q + n_k ? attn_k : attn_v;
        const int32_t panel = m == attn_q ? piece : m == attn_k ? piece - n_q : piece - n_q - n_k;
        multiply(in, p, m, m - attn_q, panel, w.tile.data());
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
void step_runner<T>::attend(const place & p, const prepared_group & g) {
    steps.run(2 * p.phase, int32_t(pieces.size()), [&](int32_t i) { attend_part(p, g, pieces[i]); });
}

// Norms over all queries and all keys of a row, applied to those of one kv head, which stand in `in`.
template <class T>
void step_runner<T>::apply_norm_of_all(int32_t layer, const float * row, int32_t kv, float * in) const {
    const head_layout heads = base.heads(layer);
    const int32_t     k = heads.head_dim, q = heads.n_head / heads.n_head_kv * k; // of one kv head: queries, key, value
    const auto        apply = [&](int32_t first, int32_t n, const float * w) {
        float sum = 0.0f;
        for (int32_t h = 0; h < heads.n_head_kv; ++h) {
            const float * x = row + h * (q + 2 * k) + first;
            sum             = std::inner_product(x, x + n, x, sum);
        }
        const float rstd = 1.0f / std::sqrt(sum / float(n * heads.n_head_kv) + heads.eps);
        for (int32_t i = 0; i < n; ++i) {
            in[first + i] *= rstd * w[kv * n + i];
        }
    };
    apply(0, q, heads.q_norm);
    apply(q, k, heads.k_norm);
}

// The heads of a token that share a kv head, and some of its keys.
template <class T>
void step_runner<T>::attend_part(const place & p, const prepared_group & g, const attention_piece & piece) {
    const cache_place<T> & where = places[piece.row];
    workspace &            w     = *spaces[p.rank];
    head_layout            heads = base.heads(p.layer);
    heads.n_head /= heads.n_head_kv;
    heads.n_head_kv = 1;

    float * in = w.wide.row(0); // a copy: other parts of the row's keys need what stands there, too
    std::copy_n(projected.row(piece.row) + piece.kv * heads.size(), heads.size(), in);
    if (heads.norm_all) {
        apply_norm_of_all(p.layer, projected.row(piece.row), piece.kv, in);
        heads.q_norm = heads.k_norm = nullptr;
    }
    qkv_args<T> q;
    q.heads  = &heads;
    q.n      = 1;
    g.rotate(q, base.hp.layers[p.layer], piece.row);
    q.in     = in;
    q.ld_in  = heads.size();
    q.out    = w.qkv.row(0);
    q.ld_out = w.qkv.ld;
    kernels.qkv(q);
    const T *     key   = w.qkv.row(0) + heads.q_size();
    const int32_t block = where.first / visibility::block;
    if (where.keep && piece.begin <= block && block < piece.end) { // nobody else reads that block
        where.cache->store(p.layer, where.first, piece.kv, key, key + heads.k_size());
    }
    const visibility         sees = where.cache->view(base.hp.layers[p.layer].window);
    cached_attention_args<T> a;
    a.heads  = &heads;
    a.sees   = &sees;
    a.first  = where.first;
    a.q      = w.qkv.row(0);
    a.ld     = w.qkv.ld;
    a.cells  = where.cache->of_head(p.layer, piece.kv);
    kernels.attention_part(a, 0, 0, piece.begin, piece.end, piece.out);
}

// out [q] = the heads of a row, out of the parts of their keys.
template <class T>
void step_runner<T>::add_parts(int32_t row, float * out) const {
    const head_layout      heads = base.heads(0);
    const int32_t          group = heads.n_head / heads.n_head_kv;
    const attention_sums * of    = parts.data() + offsets[row];
    const int32_t          n     = (offsets[row + 1] - offsets[row]) / heads.n_head; // parts of the keys
    for (int32_t h = 0; h < heads.n_head; ++h) {
        const attention_sums * first = of + h / group * n * group + h % group;
        float                  max   = first->max, total = 0.0f;
        float *                to    = out + h * heads.head_dim;
        for (int32_t i = 1; i < n; ++i) {
            max = std::max(max, first[i * group].max);
        }
        std::fill_n(to, heads.head_dim, 0.0f);
        for (int32_t i = 0; i < n; ++i) {
            const attention_sums & part   = first[i * group];
            const float            weight = std::exp(part.max - max);
            total += part.total * weight;
            for (int32_t c = 0; c < heads.head_dim; ++c) {
                to[c] += part.sums[c] * weight;
            }
        }
        for (int32_t c = 0; c < heads.head_dim; ++c) {
            to[c] /= total;
        }
    }
}

// x += what a matrix makes of input(row), or that is put where add_row() finds it.
template <class T>
template <class Input>
void step_runner<T>::add_output(const place & p, matrix m, Input && input) {
    workspace & w    = *spaces[p.rank];
    const auto  make = [&](inputs & in, int32_t row) { take_input(in, p, m, input(row), row); };
    run_product(p.phase, p.rank, p.n, panels(base.hp.n_embd), make, [&](inputs & in, int32_t panel) {
        multiply(in, p, m, 0, panel, w.tile.data());
        const int32_t first = panel * panel_width;
        const int32_t cols  = std::min(panel_width, base.hp.n_embd - first);
        for (int32_t i = 0; i < p.n; ++i) {
            if (!base.adds_plainly()) {
                std::copy_n(w.tile.data() + i * panel_width, cols, added.row(i) + first);
                continue;
            }
            for (int32_t c = 0; c < cols; ++c) {
                x.row(i)[first + c] += w.tile[i * panel_width + c];
            }
        }
    });
}

template <class T>
void step_runner<T>::add_row(const place & p, matrix m) {
    steps.run(2 * p.phase, p.n, [&](int32_t row) {
        residual_args<T> r = base.residual(p.layer, m);
        r.n                = 1;
        r.y                = added.row(row);
        r.x                = x.row(row);
        kernels.residual(r);
    });
}

template <class T>
void step_runner<T>::gate_up(const place & p) {
    workspace & w    = *spaces[p.rank];
    const auto  make = [&](inputs & in, int32_t row) { normalise(in, p, ffn_gate, ffn_up, row); };
    run_product(p.phase, p.rank, p.n, panels(base.hp.n_ff), make, [&](inputs & in, int32_t panel) {
        multiply(in, p, ffn_gate, 0, panel, w.tile.data());
        multiply(in, p, ffn_up, 1, panel, w.tile_up.data());
        for (int32_t i = 0; i < p.n; ++i) {
            kernels.activate(base.hp.act, w.tile.data() + i * panel_width, w.tile_up.data() + i * panel_width, panel_width,
                             h.row(i) + panel * panel_width);
        }
    });
}

template <class T>
void step_runner<T>::forward(int32_t rank, const prepared_group & g) {
    float * heads = spaces[rank]->wide.row(0);
    embed(g);
    place p = { rank, 0, g.n_tokens(), 1 };
    for (; p.layer != base.hp.n_layer; ++p.layer) {
        attention_in(p);
        ++p.phase;
        attend(p, g);
        ++p.phase;
        add_output(p, attn_output, [&](int32_t i) {
            add_parts(i, heads);
            return heads;
        });
        ++p.phase;
        if (!base.adds_plainly()) {
            add_row(p, attn_output);
            ++p.phase;
        }
        gate_up(p);
        ++p.phase;
        add_output(p, ffn_down, [&](int32_t i) { return h.row(i); });
        ++p.phase;
        if (!base.adds_plainly()) {
            add_row(p, ffn_down);
            ++p.phase;
        }
    }
}

template <class T>
void step_runner<T>::logits(int32_t rank, matrix_buffer<float> * in, const int32_t * rows, int32_t n,
                            float * const * logits) {
    constexpr int32_t     panels_of_piece = 8;
    workspace &           w               = *spaces[rank];
    const stored_matrix & head            = stored.head();
    const int32_t         phase           = 1 + phases_of_layer() * base.hp.n_layer;
    const auto            make            = [&](inputs & to, int32_t i) {
        final_norm_row(base.hp, base.output_norm, (in ? *in : x).row(rows[i]), w.wide.row(0));
        head.prepare(w.wide.row(0), to.stored.data() + i * head.input_bytes, kernels);
    };
    run_product(phase, rank, n, (panels(head.n_out) + panels_of_piece - 1) / panels_of_piece, make,
            [&](inputs & from, int32_t piece) {
        const int32_t last = std::min(panels(head.n_out), (piece + 1) * panels_of_piece);
        for (int32_t j = piece * panels_of_piece; j < last; ++j) {
            head.multiply(j, from.stored.data(), n, w.tile.data(), kernels);
            finish_logits(base.hp, kernels, w.tile.data(), int64_t(n) * panel_width);
            for (int32_t i = 0; i < n; ++i) {
                std::copy_n(w.tile.data() + i * panel_width, std::min(panel_width, head.n_out - j * panel_width),
                            logits[i] + j * panel_width);
            }
        }
    });
}

template class step_runner<bf16>;
template class step_runner<float>;

} // namespace magnet::fused
