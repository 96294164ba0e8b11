// F32 tensors that lie in one piece of a device's memory, so that all of them cross to the host, or back, at once: a
// transfer of a few kilobytes costs a GPU as much as one of some megabytes.
#pragma once

#include "device-memory.h"

#include "ggml-cpp.h"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace magnet::graph {

class tensor_block {
public:
    tensor_block(ggml_backend_buffer_type_t type, size_t n_tensors);

    // [columns, rows]; before allocate().
    ggml_tensor * add(int64_t columns, int64_t rows);

    // Values are zero then. Throws magnet::error (OUT_OF_MEMORY).
    void allocate();

    // The host's copy of a tensor's values, which upload() and download() exchange with the device's.
    float * host(const ggml_tensor * t) { return host_.data() + offset_.at(t); }

    void upload();
    void download();
    void clear(); // the device's values

    void count(const char * purpose, device_memory & memory) const { memory.add(purpose, buffer_.get()); }

private:
    ggml_backend_buffer_type_t                      type_;
    ggml_context_ptr                                context_;
    ggml_context_ptr                                whole_context_;
    ggml_backend_buffer_ptr                         buffer_;
    ggml_tensor *                                   whole_ = nullptr; // all of the memory
    std::unordered_map<const ggml_tensor *, size_t> offset_;          // in floats
    std::vector<float>                              host_;
};

} // namespace magnet::graph
