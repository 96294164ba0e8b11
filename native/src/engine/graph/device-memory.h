// What the graph engine holds, by device and purpose.
#pragma once

#include "ggml-backend.h"

#include <cstdint>
#include <map>
#include <string>

namespace magnet::graph {

class device_memory {
public:
    void add(const char * purpose, ggml_backend_buffer_t buffer); // NULL: nothing
    void add(const char * purpose, ggml_backend_buffer_type_t type, int64_t bytes);
    void add(const char * purpose, ggml_backend_dev_t device, int64_t bytes);

    // "900 MiB (CPU: activations 200, weights 100; CUDA0: …)". The CPU's is all that lies in the host's memory.
    std::string text() const;

private:
    std::map<std::string, std::map<std::string, int64_t>> bytes_; // device name, purpose
};

} // namespace magnet::graph
