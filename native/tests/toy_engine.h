// An engine of one layer, in plain loops, for tests of what stands on engine.h: fast, differentiable by hand, and it
// obeys the attention rule, so context, gaps and positions matter in it.
//
//   x_i = E[token_i] + P(pos_i)      c_i = mean of x_j over the tokens j that i sees
//   h_i = tanh(W1' x_i + W2' c_i)    logits = U h     with W' = W + scale B A
#pragma once

#include "engine/engine.h"
#include "magnet-mask.h"
#include "train/rng.h"

#include <cmath>

namespace magnet::testing {

class toy_engine : public engine {
public:
    toy_engine(int32_t n_vocab, int32_t n_embd, int32_t n_ctx = 4096) {
        shape_ = {"toy", n_vocab, n_embd, 1, n_ctx};
        train::rng r(7, train::draw::lora_init);
        const auto fill = [&r](std::vector<double> & v, size_t n, double size) {
            v.resize(n);
            for (double & x : v) {
                x = size * (2 * r.uniform() - 1);
            }
        };
        fill(embed, size_t(n_vocab) * n_embd, 1.0);
        fill(head, size_t(n_vocab) * n_embd, 1.0);
        for (auto & w : base) {
            fill(w, size_t(n_embd) * n_embd, 1.0 / std::sqrt(n_embd));
        }
    }

    bool poisoned = false; // hidden states are NaN from now on

    const engine_shape & shape() const override { return shape_; }
    std::string          describe() const override { return "toy"; }

    std::vector<lora_matrix> targets() const override {
        const int32_t d = shape_.n_embd;
        return {{"blk.0.attn_q.weight", d, d, {}, {}}, {"blk.0.attn_v.weight", d, d, {}, {}}};
    }

    void set_lora(const std::vector<const lora_set *> & sets) override {
        for (int k = 0; k < 2; ++k) {
            weights[k] = base[k];
        }
        first = sets.empty() ? lora_set() : *sets.front();
        for (const lora_set * set : sets) {
            for (const lora_matrix & m : set->matrices) {
                std::vector<double> & w = weights[index_of(m)];
                for (int32_t o = 0; o < m.n_out; ++o) {
                    for (int32_t r = 0; r < set->rank; ++r) {
                        for (int32_t i = 0; i < m.n_in; ++i) {
                            w[size_t(o) * m.n_in + i] +=
                                double(set->scale) * m.b[size_t(o) * set->rank + r] * m.a[size_t(r) * m.n_in + i];
                        }
                    }
                }
            }
        }
    }

    void forward(const std::vector<engine_row> & rows, const std::vector<float *> & hidden) override {
        for (size_t i = 0; i < rows.size(); ++i) {
            const auto h = run(rows[i]).hidden;
            std::copy(h.begin(), h.end(), hidden[i]);
        }
    }

    void forward_each(const std::vector<engine_row> & rows, const row_sink & sink) override {
        for (size_t i = 0; i < rows.size(); ++i) {
            sink(int32_t(i), run(rows[i]).hidden.data());
        }
    }

    void train(const std::vector<engine_row> & rows, const row_loss & loss, const engine_dropout &,
               lora_set & grad) override {
        const int64_t d = shape_.n_embd;
        for (size_t i = 0; i < rows.size(); ++i) {
            const state        s = run(rows[i]);
            std::vector<float> d_hidden(s.hidden.size(), 0.0f);
            loss(int32_t(i), s.hidden.data(), d_hidden.data());
            for (size_t k = 0; k < grad.matrices.size(); ++k) {
                lora_matrix &               g = grad.matrices[k];
                const lora_matrix &         w = first.matrices[k];
                const std::vector<double> & x = index_of(g) == 0 ? s.x : s.c;
                for (int64_t t = 0; t < rows[i].n_tokens; ++t) {
                    for (int64_t r = 0; r < grad.rank; ++r) {
                        double ax = 0, bz = 0; // A x, and B^T dz
                        for (int64_t j = 0; j < d; ++j) {
                            const double h = s.hidden[t * d + j];
                            ax += w.a[r * d + j] * x[t * d + j];
                            bz += w.b[j * grad.rank + r] * d_hidden[t * d + j] * (1 - h * h);
                        }
                        for (int64_t j = 0; j < d; ++j) {
                            const double h = s.hidden[t * d + j];
                            g.b[j * grad.rank + r] += float(first.scale * ax * d_hidden[t * d + j] * (1 - h * h));
                            g.a[r * d + j] += float(first.scale * bz * x[t * d + j]);
                        }
                    }
                }
            }
        }
    }

    void logits(const float * hidden, int32_t n, float * out) const override {
        const int64_t d = shape_.n_embd, v = shape_.n_vocab;
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t t = 0; t < v; ++t) {
                double sum = 0;
                for (int64_t j = 0; j < d; ++j) {
                    sum += head[t * d + j] * hidden[i * d + j];
                }
                out[i * v + t] = float(sum);
            }
        }
    }

    void cross_entropy(const float * hidden, const int32_t * index, const int32_t * targets, const float * weight,
                       int32_t n, float * nll, float * d_hidden) const override {
        const int64_t      d = shape_.n_embd, v = shape_.n_vocab;
        std::vector<float> l(v);
        for (int64_t i = 0; i < n; ++i) {
            const int64_t at = index ? index[i] : i;
            logits(hidden + at * d, 1, l.data());
            double sum = 0;
            for (const float x : l) {
                sum += std::exp(double(x));
            }
            nll[i] = float(std::log(sum) - l[targets[i]]);
            for (int64_t t = 0; d_hidden && t < v; ++t) {
                const double g = weight[i] * (std::exp(double(l[t])) / sum - (t == targets[i]));
                for (int64_t j = 0; j < d; ++j) {
                    d_hidden[at * d + j] += float(g * head[t * d + j]);
                }
            }
        }
    }

    void divergence(const float * base, const float * hidden, float weight, int32_t n, float * out,
                    float * d_hidden) const override {
        const int64_t      d = shape_.n_embd, v = shape_.n_vocab;
        std::vector<float> p(v), q(v);
        for (int64_t i = 0; i < n; ++i) {
            logits(base + i * d, 1, p.data());
            logits(hidden + i * d, 1, q.data());
            double sum_p = 0, sum_q = 0, divergence = 0;
            for (int64_t t = 0; t < v; ++t) {
                sum_p += std::exp(double(p[t]));
                sum_q += std::exp(double(q[t]));
            }
            for (int64_t t = 0; t < v; ++t) {
                const double log_p = p[t] - std::log(sum_p), log_q = q[t] - std::log(sum_q);
                divergence += std::exp(log_p) * (log_p - log_q);
                for (int64_t j = 0; d_hidden && j < d; ++j) {
                    d_hidden[i * d + j] += float(weight * (std::exp(log_q) - std::exp(log_p)) * head[t * d + j]);
                }
            }
            out[i] = float(divergence);
        }
    }

private:
    struct state {
        std::vector<double> x, c;
        std::vector<float>  hidden;
    };

    static int index_of(const lora_matrix & m) { return m.target == "blk.0.attn_q.weight" ? 0 : 1; }

    state run(const engine_row & row) const {
        const int64_t d = shape_.n_embd, n = row.n_tokens;
        state         s;
        s.x.resize(n * d);
        s.c.assign(n * d, 0.0);
        s.hidden.resize(n * d);
        const auto pos  = [&](int64_t i) { return row.pos ? row.pos[i] : int32_t(i); };
        const auto role = [&](int64_t i) { return row.roles ? row.roles[i] : int8_t(MAGNET_MASK_SPAN); };
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t j = 0; j < d; ++j) {
                s.x[i * d + j] = embed[row.tokens[i] * d + j] + 0.5 * std::sin(0.3 * pos(i) + double(j));
            }
        }
        for (int64_t q = 0; q < n; ++q) {
            double seen = 0;
            for (int64_t k = 0; k < n; ++k) {
                if (magnet_mask_allows(role(q), pos(q), role(k), pos(k))) {
                    ++seen;
                    for (int64_t j = 0; j < d; ++j) {
                        s.c[q * d + j] += s.x[k * d + j];
                    }
                }
            }
            for (int64_t j = 0; j < d; ++j) {
                s.c[q * d + j] /= std::max(seen, 1.0);
            }
            for (int64_t o = 0; o < d; ++o) {
                double z = 0;
                for (int64_t j = 0; j < d; ++j) {
                    z += weights[0][o * d + j] * s.x[q * d + j] + weights[1][o * d + j] * s.c[q * d + j];
                }
                s.hidden[q * d + o] = poisoned ? NAN : float(std::tanh(z));
            }
        }
        return s;
    }

    engine_shape        shape_;
    std::vector<double> embed, head; // [V, D]
    std::vector<double> base[2];     // [D, D]
    std::vector<double> weights[2] = {};
    lora_set            first;
};

} // namespace magnet::testing
