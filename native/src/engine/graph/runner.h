// Runs a graph on the devices of a context, with one stop on the way: forward, loss, backward, over one
// allocation.
#pragma once

#include "device-memory.h"

#include "ggml-cpp.h"

#include <exception>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace magnet::graph {

// Names joined by commas.
std::string listed(const std::set<std::string> & names);

class graph_runner {
public:
    // Device memory first, the CPU last. Owned by the caller.
    explicit graph_runner(std::vector<ggml_backend_t> backends) : backends_(std::move(backends)) {}

    void set_threads(int32_t n_threads);

    // Throws magnet::error (UNSUPPORTED) naming every op that none of the devices computes.
    void check(ggml_cgraph * graph) const;

    // Allocates the graph, calls fill() for its inputs, computes. If stop is given, at_stop() is called as soon as this
    // node is computed: it may read that node and write leaves that lie in buffers of their own. Throws what at_stop
    // and check throw, and magnet::error (OUT_OF_MEMORY, INTERNAL). Nodes marked as outputs can be read until the next
    // call.
    void run(ggml_cgraph * graph, const std::function<void()> & fill, ggml_tensor * stop = nullptr,
             const std::function<void()> & at_stop = {});

    void count(device_memory & memory) const; // of all devices' compute buffers

    // Does everything run on the CPU backend?
    bool cpu_only() const { return backends_.size() == 1; }

private:
    static bool on_node(ggml_tensor * t, bool ask, void * self);

    std::vector<ggml_backend_t>   backends_;
    ggml_backend_sched_ptr        sched_;
    size_t                        capacity_ = 0; // nodes that sched_ was made for
    ggml_tensor *                 stop_     = nullptr;
    const std::function<void()> * at_stop_  = nullptr;
    std::exception_ptr            failure_;
};

} // namespace magnet::graph
