#include "step.h"

#include "objectives.h"

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
            loss          = sscl_loss(batch, options.temperature, options.symmetric, float(weight), &d_vectors);
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

step_losses compute_gradient(engine & e, const std::vector<micro_batch> & batches, const train_stage & weights,
                             const train_options & options, const trained_numbers & numbers, uint64_t dropout_seed,
                             trained_numbers & gradient) {
    int64_t n_mntp = 0, n_msg = 0, n_contrasts = 0;
    for (const micro_batch & b : batches) {
        for (const train_row & row : b.rows) {
            n_mntp += int64_t(row.mntp.size());
            n_msg += int64_t(row.msg.size());
        }
        n_contrasts += b.n_pairs >= 2;
    }
    n_mntp      = weights.mntp > 0 ? n_mntp : 0;
    n_msg       = weights.msg > 0 ? n_msg : 0;
    n_contrasts = weights.sscl > 0 ? n_contrasts : 0;

    gradient = zeros_like(numbers);
    step_losses sum;
    uint64_t    pass = 0;
    for (const micro_batch & b : batches) {
        if (n_contrasts > 0 && b.n_pairs >= 2) {
            sum.sscl += contrast(e, b, options.contrast, weights.sscl / double(n_contrasts), numbers.head, gradient);
        }
        std::vector<double> mntp(b.n_text, 0.0), msg(b.n_text, 0.0); // by row: the sum's order must not depend on threads
        const auto          loss_of = [&](int32_t i, const float * hidden, float * d_hidden) {
            if (n_mntp > 0) {
                mntp[i] = mntp_loss(e, b.rows[i], hidden, float(weights.mntp / double(n_mntp)), d_hidden);
            }
            if (n_msg > 0) {
                msg[i] = msg_loss(e, b.rows[i], hidden, float(weights.msg / double(n_msg)), d_hidden);
            }
        };
        if (b.n_text > 0) {
            e.train(views_of(b.rows, 0, size_t(b.n_text)), loss_of, {options.lora.dropout, dropout_seed + pass++},
                    gradient.lora);
        }
        sum.mntp = std::accumulate(mntp.begin(), mntp.end(), sum.mntp);
        sum.msg  = std::accumulate(msg.begin(), msg.end(), sum.msg);
        sum.n_tokens += b.n_tokens();
    }

    const auto mean = [](double s, int64_t n) {
        return n > 0 ? s / double(n) : std::numeric_limits<double>::quiet_NaN();
    };
    sum.mntp  = mean(sum.mntp, n_mntp);
    sum.sscl  = mean(sum.sscl, n_contrasts);
    sum.msg   = mean(sum.msg, n_msg);
    sum.total = (n_mntp > 0 ? weights.mntp * sum.mntp : 0) + (n_contrasts > 0 ? weights.sscl * sum.sscl : 0) +
                (n_msg > 0 ? weights.msg * sum.msg : 0);
    return sum;
}

} // namespace magnet::train
