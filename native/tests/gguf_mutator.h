// GGUF files damaged in ways that a reader of GGUF meets: types, lengths, counts, shapes, offsets, extreme values.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace magnet::testing {

// A GGUF file in parts that need not agree with each other.
struct gguf_parts {
    struct pair {
        std::string key;
        uint32_t    type         = 0; // gguf_type
        uint32_t    element_type = 0; // of an array
        uint64_t    count        = 0; // of an array's elements, as the file says
        std::vector<std::string> values; // bytes of the value, or of each element
    };
    struct tensor {
        std::string           name;
        std::vector<uint64_t> dims;
        uint32_t              type   = 0; // ggml_type
        uint64_t              offset = 0; // from the start of data
    };

    uint32_t            version = 0;
    int64_t             more_tensors = 0, more_pairs = 0; // what the header counts beyond those that are there
    std::vector<pair>   pairs;
    std::vector<tensor> tensors;
    std::string         data;

    static gguf_parts parse(const std::string & bytes); // of a sound file
    std::string       bytes() const;
};

// The file with one to three damages, the same for the same seed. what: in words, for the report.
std::string damaged(const gguf_parts & sound, uint32_t seed, std::string & what);

} // namespace magnet::testing
