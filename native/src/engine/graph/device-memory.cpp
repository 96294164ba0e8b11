#include "device-memory.h"

namespace magnet::graph {

void device_memory::add(const char * purpose, ggml_backend_buffer_t buffer) {
    if (buffer) {
        add(purpose, ggml_backend_buffer_get_type(buffer), (int64_t) ggml_backend_buffer_get_size(buffer));
    }
}

void device_memory::add(const char * purpose, ggml_backend_buffer_type_t type, int64_t bytes) {
    // memory of the host that a GPU reads (pinned, say) names the GPU as its device
    add(purpose, ggml_backend_buft_is_host(type) ? nullptr : ggml_backend_buft_get_device(type), bytes);
}

void device_memory::add(const char * purpose, ggml_backend_dev_t device, int64_t bytes) {
    if (bytes > 0) {
        bytes_[device ? ggml_backend_dev_name(device) : "CPU"][purpose] += bytes;
    }
}

std::string device_memory::text() const {
    int64_t     sum = 0;
    std::string devices;
    for (const auto & [device, purposes] : bytes_) {
        std::string list;
        for (const auto & [purpose, bytes] : purposes) {
            list += (list.empty() ? " " : ", ") + purpose + " " + std::to_string(bytes >> 20);
            sum += bytes;
        }
        devices += (devices.empty() ? "" : "; ") + device + ":" + list;
    }
    return std::to_string(sum >> 20) + " MiB (" + devices + ")";
}

} // namespace magnet::graph
