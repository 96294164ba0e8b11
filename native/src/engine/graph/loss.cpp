#include "loss.h"

#include "ggml.h"

namespace magnet::graph {

static ggml_tensor * input(ggml_tensor * t, const char * name) {
    ggml_set_input(t);
    ggml_set_name(t, name);
    return t;
}

graph_loss add_loss(forward_graph & head, bool gradient) {
    ggml_context * c       = head.context();
    ggml_tensor *  logits  = head.logits();
    const int64_t  n_vocab = logits->ne[0], n = logits->ne[1];
    graph_loss     loss    = {};

    loss.target          = input(ggml_new_tensor_1d(c, GGML_TYPE_I32, n), "loss_target");
    ggml_tensor * p      = ggml_soft_max(c, logits);
    ggml_tensor * flat   = ggml_reshape_2d(c, p, 1, n_vocab * n);
    loss.probability     = ggml_get_rows(c, flat, loss.target);
    ggml_set_output(loss.probability);
    ggml_build_forward_expand(head.graph(), loss.probability);
    if (gradient) {
        loss.weight            = input(ggml_new_tensor_2d(c, GGML_TYPE_F32, 1, n), "loss_weight");
        ggml_tensor * less_one = ggml_scale_bias(c, loss.probability, 1.0f, -1.0f);
        ggml_tensor * d        = ggml_set_rows(c, flat, less_one, loss.target); // in the place of p
        loss.d_logits          = ggml_mul(c, ggml_reshape_2d(c, d, n_vocab, n), loss.weight);
    }
    return loss;
}

} // namespace magnet::graph
