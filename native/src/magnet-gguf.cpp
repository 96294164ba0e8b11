#include "magnet-gguf.h"

#include "magnet-error.h"
#include "magnet-log.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace magnet {

namespace {

struct file_closer {
    void operator()(FILE * file) const { fclose(file); }
};

[[noreturn]] void cannot_read(const std::string & path) {
    throw error(MAGNET_STATUS_IO, "cannot read " + path + ": " + strerror(errno) + ".");
}

} // namespace

std::string gguf_file::string(const char * key) const {
    const int64_t id = gguf_find_key(meta.get(), key);
    return id >= 0 && gguf_get_kv_type(meta.get(), id) == GGUF_TYPE_STRING ? gguf_get_val_str(meta.get(), id) : "";
}

gguf_file read_gguf(const std::string & path, const std::string & not_gguf) {
    std::unique_ptr<FILE, file_closer> file(fopen(path.c_str(), "rb"));
    if (!file) {
        throw error(MAGNET_STATUS_IO, "cannot open " + path + ": " + strerror(errno) + ".");
    }
    char magic[4] = {};
    if (fread(magic, 1, 4, file.get()) != 4 || memcmp(magic, "GGUF", 4) != 0) {
        if (ferror(file.get())) {
            cannot_read(path);
        }
        throw error(MAGNET_STATUS_BAD_FILE, path + " is not a GGUF file. " + not_gguf);
    }
    if (fseek(file.get(), 0, SEEK_END) != 0) {
        cannot_read(path);
    }
    const int64_t size = ftell(file.get());
    file.reset();

    log_capture    capture;
    ggml_context * tensors = nullptr;
    gguf_file      out;
    out.meta.reset(gguf_init_from_file(path.c_str(), { /*no_alloc =*/ true, &tensors }));
    out.tensors.reset(tensors);
    if (!out.meta) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " is truncated or damaged" + capture.reason() + ".");
    }

    for (int64_t i = 0; i < gguf_get_n_tensors(out.meta.get()); ++i) {
        const int64_t end = gguf_get_data_offset(out.meta.get()) + gguf_get_tensor_offset(out.meta.get(), i) +
                            gguf_get_tensor_size(out.meta.get(), i);
        if (end > size) {
            throw error(MAGNET_STATUS_BAD_FILE, path + " is truncated: it has " + std::to_string(size) + " bytes, but " +
                                                    gguf_get_tensor_name(out.meta.get(), i) + " ends at byte " +
                                                    std::to_string(end) + ". Fetch it again.");
        }
    }
    return out;
}

} // namespace magnet
