#include "gguf-file.h"

#include "asserts.h"
#include "atomic-file.h"
#include "error.h"
#include "hash.h"
#include "log.h"
#include "path.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace magnet {

static int seek(FILE * file, uint64_t offset, int from) {
#ifdef _WIN32
    return _fseeki64(file, int64_t(offset), from);
#else
    return fseeko(file, off_t(offset), from);
#endif
}

static uint64_t size_of(FILE * file) {
    seek(file, 0, SEEK_END);
#ifdef _WIN32
    const uint64_t size = uint64_t(_ftelli64(file));
#else
    const uint64_t size = uint64_t(ftello(file));
#endif
    std::rewind(file);
    return size;
}

const char * const gguf_reader::not_gguf = "a GGUF file. Convert it first (llama.cpp's convert_hf_to_gguf.py for models, "
                                           "convert_lora_to_gguf.py for adapters)";

gguf_reader::gguf_reader(const std::string & path, const std::string & what) : path(path), file(open_file(path, "rb"), std::fclose) {
    if (!file) {
        if (path.empty()) {
            throw error(MAGNET_STATUS_IO, "the name of the file to read is empty.");
        }
        throw error(MAGNET_STATUS_IO, "cannot open " + path + ": " + std::strerror(errno) + ".");
    }
    // what is wrong is said here: llama.cpp only says that it failed
    char magic[4] = {};
    if (std::fread(magic, 1, 4, file.get()) != 4 || std::memcmp(magic, "GGUF", 4) != 0) {
        if (std::ferror(file.get())) { // a directory can be opened, but not read
            throw error(MAGNET_STATUS_IO, "cannot read " + path + ": " + std::strerror(errno) + ".");
        }
        throw error(MAGNET_STATUS_BAD_FILE, path + " is not " + what + ".");
    }
    size = size_of(file.get());

    const log_capture capture;
    std::string       why;
    try {
        const thrown_asserts asserts;
        context.reset(gguf_init_from_file_ptr(file.get(), {/*no_alloc =*/true, /*ctx =*/nullptr}));
        why = capture.reason();
    } catch (const std::runtime_error & e) {
        why = " (" + std::string(e.what()) + ")";
    }
    if (!context) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " is truncated or damaged" + why + ".");
    }
    for (int64_t i = 0; i < gguf_get_n_tensors(context.get()); ++i) {
        const uint64_t end = gguf_get_data_offset(context.get()) + gguf_get_tensor_offset(context.get(), i) +
                             gguf_get_tensor_size(context.get(), i);
        if (end > size) {
            throw error(MAGNET_STATUS_BAD_FILE, path + " is truncated: it has " + std::to_string(size) + " bytes, but " +
                                                    gguf_get_tensor_name(context.get(), i) + " ends at byte " +
                                                    std::to_string(end) + ". Copy or fetch it again.");
        }
    }
}

static error wrong_type(const std::string & path, const std::string & key) {
    return error(MAGNET_STATUS_BAD_FILE, path + ": the metadata key " + key + " has an unexpected type.");
}

std::string gguf_reader::text(const std::string & key, const std::string & fallback) const {
    const int64_t id = gguf_find_key(context.get(), key.c_str());
    if (id < 0) {
        return fallback;
    }
    if (gguf_get_kv_type(context.get(), id) != GGUF_TYPE_STRING) {
        throw wrong_type(path, key);
    }
    return gguf_get_val_str(context.get(), id);
}

int64_t gguf_reader::integer(const std::string & key, int64_t fallback) const {
    const int64_t id = gguf_find_key(context.get(), key.c_str());
    if (id < 0) {
        return fallback;
    }
    const gguf_context * c = context.get();
    switch (gguf_get_kv_type(c, id)) {
        case GGUF_TYPE_UINT8:
            return gguf_get_val_u8(c, id);
        case GGUF_TYPE_INT8:
            return gguf_get_val_i8(c, id);
        case GGUF_TYPE_UINT16:
            return gguf_get_val_u16(c, id);
        case GGUF_TYPE_INT16:
            return gguf_get_val_i16(c, id);
        case GGUF_TYPE_UINT32:
            return gguf_get_val_u32(c, id);
        case GGUF_TYPE_INT32:
            return gguf_get_val_i32(c, id);
        case GGUF_TYPE_UINT64:
            return int64_t(gguf_get_val_u64(c, id));
        case GGUF_TYPE_INT64:
            return gguf_get_val_i64(c, id);
        case GGUF_TYPE_BOOL:
            return gguf_get_val_bool(c, id);
        default:
            throw wrong_type(path, key);
    }
}

double gguf_reader::number(const std::string & key, double fallback) const {
    const int64_t id = gguf_find_key(context.get(), key.c_str());
    if (id < 0) {
        return fallback;
    }
    switch (gguf_get_kv_type(context.get(), id)) {
        case GGUF_TYPE_FLOAT32:
            return gguf_get_val_f32(context.get(), id);
        case GGUF_TYPE_FLOAT64:
            return gguf_get_val_f64(context.get(), id);
        default:
            throw wrong_type(path, key);
    }
}

int64_t gguf_reader::find(const std::string & tensor) const {
    return gguf_find_tensor(context.get(), tensor.c_str());
}

std::vector<int64_t> gguf_reader::shape(int64_t tensor) const {
    const int64_t *      ne = gguf_get_tensor_ne(context.get(), tensor);
    std::vector<int64_t> dims(ne, ne + GGML_MAX_DIMS);
    while (dims.size() > 1 && dims.back() == 1) {
        dims.pop_back();
    }
    return dims;
}

int64_t gguf_reader::n_elements(int64_t tensor) const {
    int64_t n = 1;
    for (const int64_t dim : shape(tensor)) {
        n *= dim;
    }
    return n;
}

std::vector<uint8_t> gguf_reader::bytes(int64_t tensor) const {
    const uint64_t offset = gguf_get_data_offset(context.get()) + gguf_get_tensor_offset(context.get(), tensor);
    const uint64_t n      = gguf_get_tensor_size(context.get(), tensor);
    const char *   name   = gguf_get_tensor_name(context.get(), tensor);
    if (offset > size || n > size - offset) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " is truncated: tensor " + name + " lies beyond its end.");
    }
    std::vector<uint8_t> data(n);
    if (seek(file.get(), offset, SEEK_SET) != 0 || std::fread(data.data(), 1, n, file.get()) != n) {
        throw error(MAGNET_STATUS_IO, "cannot read tensor " + std::string(name) + " of " + path);
    }
    return data;
}

std::vector<float> gguf_reader::values(int64_t tensor) const {
    const std::vector<uint8_t> raw  = bytes(tensor);
    const ggml_type            type = gguf_get_tensor_type(context.get(), tensor);
    std::vector<float>         out(n_elements(tensor));
    if (type == GGML_TYPE_F32) {
        std::memcpy(out.data(), raw.data(), raw.size());
        return out;
    }
    const ggml_to_float_t to_float = ggml_get_type_traits(type)->to_float;
    if (!to_float) {
        throw error(MAGNET_STATUS_UNSUPPORTED, path + ": tensor " + gguf_get_tensor_name(context.get(), tensor) +
                                                   " has type " + ggml_type_name(type) + ", which holds no weights.");
    }
    to_float(raw.data(), out.data(), int64_t(out.size()));
    return out;
}

// ------------------------------------------------------------------------------------------------ the seal

static const std::string seal_mark = "magnet.sum"; // then eight bytes, the lowest first

static std::string seal_of(const fnv1a & sum) {
    std::string seal = seal_mark;
    for (int shift = 0; shift < 64; shift += 8) {
        seal.push_back(char(sum.value() >> shift & 0xff));
    }
    return seal;
}

std::string gguf_seal(const std::string & bytes) {
    fnv1a sum;
    sum.add(bytes);
    return seal_of(sum);
}

void gguf_reader::check_seal() const {
    const uint64_t n_seal = seal_of(fnv1a()).size();
    if (size < n_seal) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " is truncated, or goes on behind its end: its checksum is not where it should be.");
    }
    fnv1a             sum;
    std::vector<char> block(1 << 20);
    seek(file.get(), 0, SEEK_SET);
    for (uint64_t left = size - n_seal; left > 0;) {
        const size_t n = size_t(std::min<uint64_t>(left, block.size()));
        if (std::fread(block.data(), 1, n, file.get()) != n) {
            throw error(MAGNET_STATUS_IO, "cannot read " + path + ": " + std::strerror(errno) + ".");
        }
        sum.add(block.data(), n);
        left -= n;
    }
    std::string found(n_seal, '\0');
    if (std::fread(found.data(), 1, n_seal, file.get()) != n_seal || found.compare(0, seal_mark.size(), seal_mark) != 0) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " is truncated, or goes on behind its end: its checksum is not where it should be.");
    }
    if (found != seal_of(sum)) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " is damaged: its bytes are not those that were written (their checksum differs).");
    }
}

void write_gguf(const std::string & path, const gguf_context * meta, const std::vector<gguf_tensor> & tensors, bool sealed) {
    struct ggml_deleter {
        void operator()(ggml_context * p) const { ggml_free(p); }
    };
    const std::unique_ptr<ggml_context, ggml_deleter> shapes(
        ggml_init({(tensors.size() + 1) * ggml_tensor_overhead(), nullptr, /*no_alloc =*/true}));
    const gguf_ptr head(gguf_init_empty());
    gguf_set_kv(head.get(), meta);
    for (const gguf_tensor & t : tensors) {
        if (t.name.size() >= GGML_MAX_NAME) {
            throw error(MAGNET_STATUS_UNSUPPORTED, "the tensor name " + t.name + " is too long for a GGUF file.");
        }
        ggml_tensor * shape = ggml_new_tensor(shapes.get(), t.type, int(t.shape.size()), t.shape.data());
        ggml_set_name(shape, t.name.c_str());
        gguf_add_tensor(head.get(), shape);
    }

    atomic_file file(path);
    fnv1a       sum;
    const auto  write = [&](const void * data, size_t n) {
        file.write(data, n);
        if (sealed) {
            sum.add(data, n);
        }
    };
    std::vector<uint8_t> bytes(gguf_get_meta_size(head.get()));
    gguf_get_meta_data(head.get(), bytes.data());
    write(bytes.data(), bytes.size());
    const uint8_t  zeros[256] = {};
    const uint64_t alignment  = gguf_get_alignment(head.get());
    for (size_t i = 0; i < tensors.size(); ++i) {
        const uint64_t n = gguf_get_tensor_size(head.get(), int64_t(i));
        write(tensors[i].data(), n);
        for (uint64_t padding = (alignment - n % alignment) % alignment; padding > 0;) {
            const uint64_t part = std::min<uint64_t>(padding, sizeof(zeros));
            write(zeros, part);
            padding -= part;
        }
    }
    if (sealed) {
        const std::string seal = seal_of(sum);
        file.write(seal.data(), seal.size());
    }
    file.commit();
}

} // namespace magnet
