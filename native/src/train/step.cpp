#include "step.h"

#include "objectives.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace magnet::train {

static std::vector<engine_row> views_of(const std::vector<train_row> & rows, size_t begin, size_t end) {
    std::vector<engine_row> views;
    for (size_t i = begin; i < end; ++i) {
        views.push_back(rows[i].view());
    }
    return views;
}

// SSCL of one micro-batch; adds weight * gradient to that of the adapter and of the head.
static double contrast(engine & e, const micro_batch & b, const pair_options & options, double weight,
                       const projection & head, trained_numbers & gradient) {
    const int32_t                 d     = e.shape().n_embd;
    const std::vector<engine_row> views = views_of(b.rows, size_t(b.n_text), b.rows.size());
    std::vector<float>            vectors(views.size() * size_t(d)), d_vectors;
    double                        loss = 0;
    e.train_coupled(
        views,
        [&](int32_t i, const float * hidden) {
            pool(b.rows[b.n_text + i], options.pooling, hidden, d, &vectors[size_t(i) * d]);
        },
        [&] {
            contrast_batch batch;
            batch.n_pairs = b.n_pairs;
            batch.texts   = b.texts;
            batch.n_embd  = head.n_in > 0 ? head.n_out : d;
            batch.vectors = head.n_in > 0 ? project(head, vectors) : vectors;
            loss          = contrast_loss(batch, options, float(weight), &d_vectors);
            if (head.n_in > 0) {
                d_vectors = project_backward(head, vectors, batch.vectors, d_vectors, gradient.head);
            }
        },
        [&](int32_t i, const float *, float * d_hidden) {
            pool_backward(b.rows[b.n_text + i], options.pooling, &d_vectors[size_t(i) * d], d, d_hidden);
        },
        gradient.lora);
    return loss;
}

// What the base computes of the rows that keep it: hidden [T, D] of each text row, of the others nothing.
static std::vector<std::vector<float>> base_states(engine & e, const micro_batch & b) {
    std::vector<std::vector<float>> hidden(size_t(b.n_text));
    std::vector<engine_row>         views;
    std::vector<float *>            out;
    for (int32_t i = 0; i < b.n_text; ++i) {
        if (b.rows[i].keeps_base) {
            hidden[i].resize(size_t(b.rows[i].n_tokens()) * e.shape().n_embd);
            views.push_back(b.rows[i].view());
            out.push_back(hidden[i].data());
        }
    }
    if (!views.empty()) {
        e.forward(views, out);
    }
    return hidden;
}

// Of all micro-batches: the adapter is taken away and put back once.
static std::vector<std::vector<std::vector<float>>> base_states(engine & e, const std::vector<micro_batch> & batches,
                                                                const lora_set & lora) {
    std::vector<std::vector<std::vector<float>>> states;
    e.set_lora({});
    for (const micro_batch & b : batches) {
        states.push_back(base_states(e, b));
    }
    e.set_lora({&lora});
    return states;
}

step_losses compute_gradient(engine & e, const std::vector<micro_batch> & batches, const train_stage & weights,
                             const train_options & options, const trained_numbers & numbers, uint64_t dropout_seed,
                             trained_numbers & gradient) {
    int64_t n_mntp = 0, n_msg = 0, n_base = 0, n_contrasts = 0;
    for (const micro_batch & b : batches) {
        for (const train_row & row : b.rows) {
            n_mntp += int64_t(row.mntp.size());
            n_msg += int64_t(row.msg.size());
            n_base += row.keeps_base ? row.n_tokens() : 0;
        }
        n_contrasts += b.n_pairs >= 2;
    }
    n_mntp      = weights.mntp > 0 ? n_mntp : 0;
    n_msg       = weights.msg > 0 ? n_msg : 0;
    n_base      = weights.msg > 0 ? n_base : 0;
    n_contrasts = weights.sscl > 0 ? n_contrasts : 0;

    const double msg_weight = weights.msg / double(std::max<int64_t>(n_msg + n_base, 1)); // of a token
    const auto   base       = n_base > 0 ? base_states(e, batches, numbers.lora) : decltype(base_states(e, batches, numbers.lora))();
    gradient                = zeros_like(numbers);
    step_losses sum;
    uint64_t    pass    = 0;
    size_t      n_batch = 0;
    for (const micro_batch & b : batches) {
        if (n_contrasts > 0 && b.n_pairs >= 2) {
            sum.sscl += contrast(e, b, options.contrast, weights.sscl / double(n_contrasts), numbers.head, gradient);
        }
        std::vector<double> mntp(b.n_text, 0.0), msg(b.n_text, 0.0), kept(b.n_text, 0.0); // by row: the sum's order must not depend on threads
        const auto          loss_of = [&](int32_t i, const float * hidden, float * d_hidden) {
            if (n_mntp > 0) {
                mntp[i] = mntp_loss(e, b.rows[i], hidden, float(weights.mntp / double(n_mntp)), d_hidden);
            }
            if (n_msg > 0) {
                msg[i] = msg_loss(e, b.rows[i], hidden, float(msg_weight), d_hidden);
            }
            if (n_base > 0 && b.rows[i].keeps_base) {
                kept[i] = base_loss(e, base[n_batch][i], hidden, float(msg_weight), d_hidden);
            }
        };
        if (b.n_text > 0) {
            e.train(views_of(b.rows, 0, size_t(b.n_text)), loss_of, {options.lora.dropout, dropout_seed + pass++},
                    gradient.lora);
        }
        sum.mntp = std::accumulate(mntp.begin(), mntp.end(), sum.mntp);
        sum.msg  = std::accumulate(msg.begin(), msg.end(), sum.msg);
        sum.base = std::accumulate(kept.begin(), kept.end(), sum.base);
        ++n_batch;
        sum.n_tokens += b.n_tokens();
    }

    const auto mean = [](double s, int64_t n) {
        return n > 0 ? s / double(n) : std::numeric_limits<double>::quiet_NaN();
    };
    const double msg_part = msg_weight * (sum.msg + sum.base);
    sum.mntp  = mean(sum.mntp, n_mntp);
    sum.sscl  = mean(sum.sscl, n_contrasts);
    sum.msg   = mean(sum.msg, n_msg);
    sum.base  = mean(sum.base, n_base);
    sum.total = (n_mntp > 0 ? weights.mntp * sum.mntp : 0) + (n_contrasts > 0 ? weights.sscl * sum.sscl : 0) + msg_part;
    return sum;
}

} // namespace magnet::train
