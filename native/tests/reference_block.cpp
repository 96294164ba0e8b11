// The blocks of the dense reference, and the passes over them.
#include "reference_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace magnet::testing {

double gelu_tanh(double x) {
    return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
}

namespace {

double capped(double x, double cap) { return cap > 0.0 ? cap * std::tanh(x / cap) : x; }

void add_to(std::vector<double> & to, const std::vector<double> & what) {
    for (size_t i = 0; i < to.size(); ++i) {
        to[i] += what[i];
    }
}

// Columns [begin, begin + count) of x [n, columns].
std::vector<double> columns_of(const std::vector<double> & x, int64_t columns, int64_t begin, int64_t count) {
    std::vector<double> part;
    for (size_t row = 0; row < x.size(); row += columns) {
        part.insert(part.end(), x.begin() + row + begin, x.begin() + row + begin + count);
    }
    return part;
}

std::string block_name(int32_t layer, const char * part) { return "blk." + std::to_string(layer) + "." + part; }

} // namespace

std::vector<double> reference_model::attention(const std::vector<double> & q, const std::vector<double> & k,
                                               const std::vector<double> & v, int32_t n_tokens,
                                               const sees_fn & sees) const {
    std::vector<double> out(q.size(), 0.0);
    std::vector<double> p(n_tokens);
    for (int32_t h = 0; h < heads; ++h) {
        const int32_t hk = h / (heads / heads_kv);
        for (int32_t i = 0; i < n_tokens; ++i) {
            const double * qi  = q.data() + (int64_t(i) * heads + h) * head_dim;
            double         max = -INFINITY;
            for (int32_t j = 0; j < n_tokens; ++j) {
                const double * kj = k.data() + (int64_t(j) * heads_kv + hk) * head_dim;
                p[j]              = -INFINITY;
                if (sees(i, j)) {
                    p[j] = 0.0;
                    for (int32_t c = 0; c < head_dim; ++c) {
                        p[j] += scale_scores * qi[c] * kj[c];
                    }
                    p[j] = capped(p[j], attention_cap);
                }
                max = std::max(max, p[j]);
            }
            double sum = 0.0;
            for (double & pj : p) {
                pj = std::exp(pj - max);
                sum += pj;
            }
            for (int32_t j = 0; j < n_tokens; ++j) {
                const double * vj = v.data() + (int64_t(j) * heads_kv + hk) * head_dim;
                for (int32_t c = 0; c < head_dim; ++c) {
                    out[(int64_t(i) * heads + h) * head_dim + c] += p[j] / sum * vj[c];
                }
            }
        }
    }
    return out;
}

std::vector<double> reference_model::attention_of(int32_t l, const std::vector<double> & x,
                                                  const std::vector<int32_t> & pos, const sees_fn & sees,
                                                  const std::vector<const lora_set *> & adapters) const {
    const int32_t       n       = int32_t(pos.size());
    const int64_t       n_q     = int64_t(heads) * head_dim, n_k = int64_t(heads_kv) * head_dim;
    std::vector<double> q, k, v;
    if (has_tensor(block_name(l, "attn_qkv.weight"))) {
        const auto qkv = product(block_name(l, "attn_qkv"), x, n, adapters);
        q              = columns_of(qkv, n_q + 2 * n_k, 0, n_q);
        k              = columns_of(qkv, n_q + 2 * n_k, n_q, n_k);
        v              = columns_of(qkv, n_q + 2 * n_k, n_q + n_k, n_k);
    } else {
        q = product(block_name(l, "attn_q"), x, n, adapters);
        k = product(block_name(l, "attn_k"), x, n, adapters);
        v = product(block_name(l, "attn_v"), x, n, adapters);
    }
    if (has_tensor(block_name(l, "attn_q_norm.weight"))) {
        q = norm(q, block_name(l, "attn_q_norm"), arch == "olmo2" ? n_q : head_dim);
        k = norm(k, block_name(l, "attn_k_norm"), arch == "olmo2" ? n_k : head_dim);
    }
    const bool local   = is_local(l);
    const bool rotates = !has_tensor("position_embd.weight") && (arch != "smollm3" || (l + 1) % 4 != 0);
    if (rotates) {
        rope(q, heads, pos, local);
        rope(k, heads_kv, pos, local);
    }
    if (rounded_cache) {
        round_heads(k);
        round_heads(v);
    }
    const sees_fn near  = [&](int32_t i, int32_t j) { return sees(i, j) && (!local || pos[i] - pos[j] < window); };
    return product(block_name(l, "attn_output"), attention(q, k, v, n, near), n, adapters);
}

void reference_model::round_heads(std::vector<double> & x) const {
    for (size_t head = 0; head < x.size(); head += size_t(head_dim)) {
        for (int32_t begin = 0; begin < head_dim; begin += 32) {
            const auto from = x.begin() + int64_t(head) + begin, to = from + std::min(32, head_dim - begin);
            const double step =
                std::abs(*std::max_element(from, to, [](double a, double b) { return std::abs(a) < std::abs(b); })) / 127.0;
            std::for_each(from, to, [step](double & value) { value = step * std::round(value / step); });
        }
    }
}

double reference_model::activation(double x) const { return gelu ? gelu_tanh(x) : x / (1.0 + std::exp(-x)); }

std::vector<double> reference_model::feed_forward(int32_t l, const std::vector<double> & x, int64_t n,
                                                  const std::vector<const lora_set *> & adapters) const {
    if (n_expert_used > 0) {
        return experts(l, x, n);
    }
    auto          up = product(block_name(l, "ffn_up"), x, n, adapters), gate = up;
    const int64_t n_ff = shapes.at(block_name(l, "ffn_down.weight")).n_in;
    if (has_tensor(block_name(l, "ffn_gate.weight"))) {
        gate = product(block_name(l, "ffn_gate"), x, n, adapters);
    } else if (int64_t(up.size()) == 2 * n * n_ff) { // phi3: the gate is the first half
        gate = columns_of(up, 2 * n_ff, 0, n_ff);
        up   = columns_of(up, 2 * n_ff, n_ff, n_ff);
    } else { // gpt2: no gate
        up.assign(up.size(), 1.0);
    }
    for (size_t i = 0; i < gate.size(); ++i) {
        gate[i] = activation(gate[i]) * up[i];
    }
    return product(block_name(l, "ffn_down"), gate, n, adapters);
}

// Of each token, the experts that the router likes best, in the proportions of its softmax over these alone.
std::vector<double> reference_model::experts(int32_t l, const std::vector<double> & x, int64_t n) const {
    const auto          scores = product(block_name(l, "ffn_gate_inp"), x, n, {});
    const int64_t       count = int64_t(scores.size()) / n, n_ff = shapes.at(block_name(l, "ffn_up_exps.weight")).n_out;
    const auto          dot = [&](const char * part, int64_t matrix_row, const double * v, int64_t size) {
        const double * w = tensor(block_name(l, part)).data() + matrix_row * size;
        return std::inner_product(v, v + size, w, 0.0);
    };
    std::vector<double> y(x.size(), 0.0), inner(n_ff);
    for (int64_t t = 0; t < n; ++t) {
        const double *       score = scores.data() + t * count;
        const double *       in    = x.data() + t * width;
        std::vector<int64_t> best(count);
        std::iota(best.begin(), best.end(), 0);
        std::sort(best.begin(), best.end(), [&](int64_t a, int64_t b) { return score[a] > score[b]; });
        best.resize(n_expert_used);
        double total = 0.0;
        for (const int64_t e : best) {
            total += std::exp(score[e] - score[best[0]]);
        }
        for (const int64_t e : best) {
            for (int64_t i = 0; i < n_ff; ++i) {
                inner[i] = activation(dot("ffn_gate_exps.weight", e * n_ff + i, in, width)) *
                           dot("ffn_up_exps.weight", e * n_ff + i, in, width);
            }
            for (int32_t i = 0; i < width; ++i) {
                y[t * width + i] += std::exp(score[e] - score[best[0]]) / total *
                                    dot("ffn_down_exps.weight", e * width + i, inner.data(), n_ff);
            }
        }
    }
    return y;
}

std::vector<double> reference_model::hidden(const engine_row & row, const sees_fn & sees,
                                            const std::vector<const lora_set *> & adapters) const {
    const int32_t        n     = row.n_tokens;
    std::vector<int32_t> pos(n);
    std::vector<double>  x(int64_t(n) * width);
    const auto &         embd = tensor("token_embd.weight");
    for (int32_t t = 0; t < n; ++t) {
        pos[t] = row.pos ? row.pos[t] : t;
        for (int32_t i = 0; i < width; ++i) {
            x[int64_t(t) * width + i] = embd[int64_t(row.tokens[t]) * width + i] * scale_embd;
            if (has_tensor("position_embd.weight")) {
                x[int64_t(t) * width + i] += tensor("position_embd.weight")[int64_t(pos[t]) * width + i];
            }
        }
    }
    const auto first = [&](const std::string & name) { return has_tensor(name + ".weight") ? norm(x, name, width) : x; };
    const auto then = [&](std::vector<double> y, const std::string & name) { // some have norms behind each half too
        y = has_tensor(name + ".weight") ? norm(y, name, width) : y;
        for (double & v : y) {
            v *= scale_residual;
        }
        return y;
    };
    for (int32_t l = 0; l < layers; ++l) {
        const auto a = attention_of(l, first(block_name(l, "attn_norm")), pos, sees, adapters);
        add_to(x, then(a, block_name(l, "post_attention_norm")));
        const auto f = feed_forward(l, first(block_name(l, "ffn_norm")), n, adapters);
        add_to(x, then(f, block_name(l, "post_ffw_norm")));
    }
    return norm(x, "output_norm", width);
}

std::vector<double> reference_model::logits(const std::vector<double> & hidden) const {
    const char * head = has_tensor("output.weight") ? "output" : "token_embd";
    auto         out  = product(head, hidden, int64_t(hidden.size()) / width, {});
    for (double & x : out) {
        x = capped(x * scale_logits, logit_cap);
    }
    return out;
}

std::vector<lora_matrix> reference_model::targets() const {
    std::vector<lora_matrix> all;
    for (int32_t l = 0; l < layers; ++l) {
        for (const char * part : { "attn_q.weight", "attn_k.weight", "attn_v.weight", "attn_qkv.weight", "attn_output.weight",
                                   "ffn_gate.weight", "ffn_up.weight", "ffn_down.weight" }) {
            lora_matrix m;
            m.target = block_name(l, part);
            if (!has_tensor(m.target)) { // joined with others, or what others are joined in
                continue;
            }
            const auto & size = shapes.at(m.target);
            m.n_in            = static_cast<int32_t>(size.n_in);
            m.n_out           = static_cast<int32_t>(size.n_out);
            all.push_back(m);
        }
    }
    return all;
}

} // namespace magnet::testing
