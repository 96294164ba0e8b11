// GGUF files: checked when they are opened, read one tensor at a time, written atomically.
#pragma once

#include "ggml.h"
#include "gguf.h"

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace magnet {

struct gguf_deleter {
    void operator()(gguf_context * p) const { gguf_free(p); }
};
using gguf_ptr = std::unique_ptr<gguf_context, gguf_deleter>;

class gguf_reader {
public:
    // Throws IO, or BAD_FILE if it is no GGUF file or its tensors are not all there. what: said of a file that is no GGUF.
    explicit gguf_reader(const std::string & path, const std::string & what = not_gguf);

    const std::string path;

    gguf_context * meta() const { return context.get(); }

    // Metadata; the fallback where the key is missing. Throws BAD_FILE where it has another type.
    std::string text(const std::string & key, const std::string & fallback = "") const;
    int64_t     integer(const std::string & key, int64_t fallback) const; // any integer type
    double      number(const std::string & key, double fallback) const;   // F32 or F64

    int64_t              find(const std::string & tensor) const; // -1 = none
    std::vector<int64_t> shape(int64_t tensor) const;            // ggml order: fastest first, trailing ones dropped
    int64_t              n_elements(int64_t tensor) const;
    std::vector<uint8_t> bytes(int64_t tensor) const;  // as stored
    std::vector<float>   values(int64_t tensor) const; // dequantised

    // Throws BAD_FILE unless the file was written sealed, and every byte is as it was then.
    void check_seal() const;

    static const char * const not_gguf; // "a GGUF file", and how to get one

private:
    gguf_ptr                               context;
    std::unique_ptr<FILE, int (*)(FILE *)> file;
    uint64_t                               size = 0;
};

// One tensor to write. data() is called when its turn comes; what it points to must stay valid until the next call.
struct gguf_tensor {
    std::string                   name;
    ggml_type                     type = GGML_TYPE_F32;
    std::vector<int64_t>          shape; // ggml order
    std::function<const void *()> data;
};

// Replaces path by a GGUF of this metadata and these tensors. Tensors of meta itself are not written. sealed: a checksum
// follows, behind all that a reader of GGUF looks at. Throws IO.
void write_gguf(const std::string & path, const gguf_context * meta, const std::vector<gguf_tensor> & tensors,
                bool sealed = false);

// What stands at the end of a sealed file that begins with these bytes.
std::string gguf_seal(const std::string & bytes);

} // namespace magnet
