#include "runner.h"

#include "base/error.h"

#include "ggml-backend.h"

#include <algorithm>

namespace magnet::graph {

std::string listed(const std::set<std::string> & names) {
    std::string list;
    for (const std::string & name : names) {
        list += (list.empty() ? "" : ", ") + name;
    }
    return list;
}

void graph_runner::set_threads(int32_t n_threads) {
    for (ggml_backend_t backend : backends_) {
        ggml_backend_reg_t reg = ggml_backend_dev_backend_reg(ggml_backend_get_device(backend));
        auto *             set = (ggml_backend_set_n_threads_t)
            ggml_backend_reg_get_proc_address(reg, "ggml_backend_set_n_threads");
        if (set) {
            set(backend, n_threads);
        }
    }
}

void graph_runner::check(ggml_cgraph * graph) const {
    std::set<std::string> missing;
    for (int i = 0; i < ggml_graph_n_nodes(graph); ++i) {
        const ggml_tensor * node = ggml_graph_node(graph, i);
        if (std::none_of(backends_.begin(), backends_.end(),
                         [&](ggml_backend_t b) { return ggml_backend_supports_op(b, node); })) {
            missing.insert(std::string(ggml_op_desc(node)) + " (" + node->name + ")");
        }
    }
    if (!missing.empty()) {
        throw error(MAGNET_STATUS_UNSUPPORTED,
                    "no device here computes these steps of the model: " + listed(missing) + ".");
    }
}

bool graph_runner::on_node(ggml_tensor * t, bool ask, void * self) {
    graph_runner & r = *static_cast<graph_runner *>(self);
    if (t != r.stop_ || ask) {
        return t == r.stop_;
    }
    try {
        (*r.at_stop_)();
    } catch (...) { // must not pass through ggml
        r.failure_ = std::current_exception();
    }
    return !r.failure_;
}

void graph_runner::run(ggml_cgraph * graph, const std::function<void()> & fill, ggml_tensor * stop,
                       const std::function<void()> & at_stop) {
    check(graph); // ggml's scheduler would abort; it asks the same of every node, so this costs little
    const size_t n_nodes = (size_t) ggml_graph_n_nodes(graph);
    if (n_nodes > capacity_) {
        capacity_ = 2 * n_nodes;
        sched_.reset();
        sched_.reset(ggml_backend_sched_new(backends_.data(), nullptr, (int) backends_.size(), 2 * capacity_,
                                            /*parallel =*/ false, /*op_offload =*/ true));
    }
    ggml_backend_sched_reset(sched_.get());
    ggml_backend_sched_set_eval_callback(sched_.get(), stop ? on_node : nullptr, this);
    if (!ggml_backend_sched_alloc_graph(sched_.get(), graph)) {
        sched_.reset(); // what it believes to hold is not there
        capacity_ = 0;
        throw error(MAGNET_STATUS_OUT_OF_MEMORY,
                    "no memory to compute the model's graph; use shorter rows, or fewer layers on the GPU.");
    }
    fill();
    stop_    = stop;
    at_stop_ = &at_stop;
    failure_ = nullptr;

    const enum ggml_status status = ggml_backend_sched_graph_compute(sched_.get(), graph);
    if (failure_) {
        std::rethrow_exception(failure_);
    }
    if (status != GGML_STATUS_SUCCESS) {
        throw error(MAGNET_STATUS_INTERNAL, std::string("the graph failed: ") + ggml_status_to_string(status) + ".");
    }
}

void graph_runner::count(device_memory & memory) const {
    for (ggml_backend_t backend : backends_) {
        memory.add("activations", ggml_backend_get_default_buffer_type(backend),
                   sched_ ? (int64_t) ggml_backend_sched_get_buffer_size(sched_.get(), backend) : 0);
    }
}

} // namespace magnet::graph
