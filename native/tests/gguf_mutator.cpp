#include "gguf_mutator.h"

#include "ggml.h"
#include "gguf.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <stdexcept>

namespace magnet::testing {

namespace {

constexpr uint64_t alignment = GGUF_DEFAULT_ALIGNMENT;

template <typename T>
std::string raw(T value) {
    return {reinterpret_cast<const char *>(&value), sizeof(value)};
}

size_t size_of(uint32_t type) {
    static const size_t sizes[GGUF_TYPE_COUNT] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < GGUF_TYPE_COUNT ? sizes[type] : 4;
}

class source {
public:
    explicit source(const std::string & bytes) : bytes_(bytes) {}

    template <typename T>
    T get() {
        T value;
        std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
        return value;
    }
    std::string take(uint64_t n) {
        if (n > bytes_.size() - at_) {
            throw std::runtime_error("not a sound GGUF file");
        }
        at_ += n;
        return bytes_.substr(at_ - n, n);
    }
    std::string string() { return take(get<uint64_t>()); }
    std::string value(uint32_t type) { return type == GGUF_TYPE_STRING ? string() : take(size_of(type)); }
    std::string rest() {
        at_ = (at_ + alignment - 1) / alignment * alignment;
        return bytes_.substr(std::min(at_, bytes_.size()));
    }

private:
    const std::string & bytes_;
    size_t              at_ = 0;
};

std::string with_size(const std::string & s) {
    return raw<uint64_t>(s.size()) + s;
}

} // namespace

gguf_parts gguf_parts::parse(const std::string & bytes) {
    source     in(bytes);
    gguf_parts out;
    in.take(4);
    out.version              = in.get<uint32_t>();
    const uint64_t n_tensors = in.get<uint64_t>(), n_pairs = in.get<uint64_t>();
    for (uint64_t i = 0; i < n_pairs; ++i) {
        pair p;
        p.key  = in.string();
        p.type = in.get<uint32_t>();
        if (p.type == GGUF_TYPE_ARRAY) {
            p.element_type = in.get<uint32_t>();
            p.count        = in.get<uint64_t>();
            for (uint64_t k = 0; k < p.count; ++k) {
                p.values.push_back(in.value(p.element_type));
            }
        } else {
            p.values.push_back(in.value(p.type));
        }
        out.pairs.push_back(std::move(p));
    }
    for (uint64_t i = 0; i < n_tensors; ++i) {
        tensor t;
        t.name = in.string();
        for (uint32_t n = in.get<uint32_t>(); n > 0; --n) {
            t.dims.push_back(in.get<uint64_t>());
        }
        t.type   = in.get<uint32_t>();
        t.offset = in.get<uint64_t>();
        out.tensors.push_back(std::move(t));
    }
    out.data = in.rest();
    return out;
}

std::string gguf_parts::bytes() const {
    std::string out = "GGUF" + raw(version) + raw(int64_t(tensors.size()) + more_tensors) +
                      raw(int64_t(pairs.size()) + more_pairs);
    for (const pair & p : pairs) {
        out += with_size(p.key) + raw(p.type);
        uint32_t type = p.type;
        if (p.type == GGUF_TYPE_ARRAY) {
            out += raw(p.element_type) + raw(p.count);
            type = p.element_type;
        }
        for (const std::string & v : p.values) {
            out += type == GGUF_TYPE_STRING ? with_size(v) : v;
        }
    }
    for (const tensor & t : tensors) {
        out += with_size(t.name) + raw(uint32_t(t.dims.size()));
        for (const uint64_t n : t.dims) {
            out += raw(n);
        }
        out += raw(t.type) + raw(t.offset);
    }
    out.resize((out.size() + alignment - 1) / alignment * alignment);
    return out + data;
}

namespace {

using pair   = gguf_parts::pair;
using tensor = gguf_parts::tensor;

class mutator {
public:
    mutator(gguf_parts & file, uint32_t seed, std::string & what) : file_(file), what_(what), random_(seed) {}

    void damage() {
        switch (below(12)) {
            case 0:
            case 1:
            case 2:  return change_value(any_pair());
            case 3:  return change_list(any_list());
            case 4:  return change_type(any_pair());
            case 5:  return change_keys();
            case 6:
            case 7:  return add_pair();
            case 8:
            case 9:  return change_tensor();
            case 10: return change_tensors();
            default: return change_data();
        }
    }

    // Of the finished bytes.
    void damage(std::string & bytes) {
        switch (below(10)) {
            case 0:
                bytes.resize(below(bytes.size()));
                return say("cut off at " + std::to_string(bytes.size()));
            case 1:
                for (size_t n = 1 + below(8); n > 0; --n) {
                    bytes[below(bytes.size() - file_.data.size())] = char(below(256));
                }
                return say("bytes of the head overwritten");
            default: return;
        }
    }

    size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }

private:
    void say(const std::string & what) { what_ += (what_.empty() ? "" : "; ") + what; }

    template <typename List>
    auto & any(List & list) {
        return *(std::begin(list) + below(std::size(list)));
    }
    pair & any_pair() { return any(file_.pairs); }
    pair & any_list() {
        for (int i = 0; i < 100; ++i) {
            pair & p = any_pair();
            if (p.type == GGUF_TYPE_ARRAY) {
                return p;
            }
        }
        return any_pair();
    }

    uint64_t integer(uint64_t now) {
        static const uint64_t edges[] = {0,     1,      2,          3,          5,          7,          8,    16,
                                         31,    64,     128,        256,        511,        512,        513,  1000,
                                         65536, 100000, 0x40000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, ~0ull, 1ull << 63,
                                         1ull << 62};
        switch (below(6)) {
            case 0:  return now + 1;
            case 1:  return now - 1;
            case 2:  return now * 2;
            case 3:  return now / 2;
            default: return any(edges);
        }
    }
    double real() {
        static const double edges[] = {0.0,
                                       -0.0,
                                       -1.0,
                                       1.0,
                                       1e-45,
                                       1e38,
                                       -1e38,
                                       std::numeric_limits<double>::quiet_NaN(),
                                       std::numeric_limits<double>::infinity(),
                                       -std::numeric_limits<double>::infinity()};
        return any(edges);
    }
    std::string string(const std::string & now) {
        static const char * const words[] = {"",       "llama",  "gpt2",  "bert",   "t5",     "rwkv",   "none",  "no_vocab",
                                             "plamo2", "gemma4", "yarn",  "linear", "longrope", "qwen2", "qwen3", "gemma2",
                                             "phi3",   "mamba",  "clip",  "deepseek2", "\xFF\xC0", "default", "gpt-2", "llama-bpe",
                                             "tekken", "adapter", "model", "lora",   "mean",   "mixtral", "falcon", "t5encoder",
                                             "{% for m in messages %}{{ m }}", "<0x41>", " ", "\xE2\x96\x81"};
        switch (below(5)) {
            case 0:  return std::string(1 + below(5000), 'a');
            case 1:  return now.substr(0, below(now.size() + 1));
            case 2:  return any(any_pair().values);
            default: return any(words);
        }
    }

    std::string value_of(uint32_t type, const std::string & now) {
        uint64_t bits = 0;
        std::memcpy(&bits, now.data(), std::min(now.size(), sizeof(bits)));
        switch (type) {
            case GGUF_TYPE_STRING:  return string(now);
            case GGUF_TYPE_FLOAT32: return raw(float(real()));
            case GGUF_TYPE_FLOAT64: return raw(real());
            default:                return raw(integer(bits)).substr(0, size_of(type));
        }
    }

    void change_value(pair & p) {
        if (p.type == GGUF_TYPE_ARRAY) {
            return change_list(p);
        }
        p.values.resize(1);
        p.values[0] = value_of(p.type, p.values[0]);
        say(p.key + " has another value " + shown(p));
    }

    std::string shown(const pair & p) const {
        const std::string & v = p.values[0];
        if (p.type == GGUF_TYPE_STRING) {
            return "\"" + v.substr(0, 40) + "\"";
        }
        if (p.type == GGUF_TYPE_FLOAT32) {
            float x;
            std::memcpy(&x, v.data(), sizeof(x));
            return std::to_string(x);
        }
        uint64_t bits = 0;
        std::memcpy(&bits, v.data(), std::min(v.size(), sizeof(bits)));
        return std::to_string(bits);
    }

    void change_list(pair & p) {
        auto & v = p.values;
        switch (below(8)) {
            case 0: v.resize(below(v.size() + 1)); break;
            case 1: v.clear(); break;
            case 2:
                for (size_t n = 1 + below(300); n > 0 && !v.empty(); --n) {
                    v.push_back(any(v));
                }
                break;
            case 3:
                p.count = integer(p.count);
                return say(p.key + " counts " + std::to_string(p.count));
            case 4:
                p.element_type = uint32_t(below(GGUF_TYPE_COUNT + 1));
                return say(p.key + " has elements of type " + std::to_string(p.element_type));
            case 5: std::shuffle(v.begin(), v.end(), random_); break;
            default:
                for (size_t n = 1 + below(4); n > 0 && !v.empty(); --n) {
                    std::string & element = any(v);
                    element               = value_of(p.element_type, element);
                }
        }
        p.count = v.size();
        say(p.key + " is another list of " + std::to_string(p.count));
    }

    void change_type(pair & p) {
        const uint32_t type = uint32_t(below(GGUF_TYPE_COUNT + 1));
        if (type == GGUF_TYPE_ARRAY && p.type != GGUF_TYPE_ARRAY) { // a list of the value, one a layer perhaps
            p.element_type = p.type;
            p.values.resize(1);
            p.values.resize(below(2) == 0 ? 2 : below(6), p.values[0]);
            p.count = p.values.size();
        } else if (type != GGUF_TYPE_ARRAY) {
            p.values.resize(1);
            if (type != GGUF_TYPE_STRING) {
                p.values[0].resize(size_of(type));
            }
        }
        p.type = type;
        say(p.key + " has type " + std::to_string(type));
    }

    void change_keys() {
        const size_t i = below(file_.pairs.size());
        switch (below(4)) {
            case 0:
                say(file_.pairs[i].key + " is gone");
                file_.pairs.erase(file_.pairs.begin() + std::ptrdiff_t(i));
                return;
            case 1:
                say(file_.pairs[i].key + " is there twice");
                file_.pairs.push_back(file_.pairs[i]);
                return;
            case 2:
                say(file_.pairs[i].key + " has another name");
                file_.pairs[i].key = below(2) == 0 ? any_pair().key : file_.pairs[i].key.substr(1);
                return;
            default: {
                int64_t & more = below(2) == 0 ? file_.more_pairs : file_.more_tensors;
                more           = below(3) == 0 ? int64_t(integer(0)) : int64_t(below(3)) - 1;
                say("the head counts " + std::to_string(more) + " more");
            }
        }
    }

    void add_pair() {
        static const char * const keys[] = {
            "*.expert_count", "*.expert_used_count", "*.expert_group_count", "*.expert_group_used_count", "*.vocab_size",
            "*.attention.key_length", "*.attention.value_length", "*.attention.head_count_kv", "*.rope.dimension_count",
            "*.rope.scaling.type", "*.rope.scaling.factor", "*.rope.scaling.original_context_length", "*.rope.freq_base",
            "*.rope.scaling.attn_factor", "*.attention.sliding_window", "*.attention.causal", "*.pooling_type",
            "*.logit_scale", "*.embedding_length_out", "*.nextn_predict_layers", "*.attention.max_alibi_bias",
            "*.attention.clamp_kqv", "*.attention.layer_norm_epsilon", "*.attention.layer_norm_rms_epsilon",
            "*.block_count", "*.context_length", "*.embedding_length", "*.feed_forward_length", "*.attention.head_count",
            "*.attention.key_length_swa", "*.attention.value_length_swa", "*.attn_logit_softcapping",
            "*.classifier.output_labels", "*.rope.dimension_sections", "*.residual_scale", "*.embedding_scale",
            "tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_eos_token", "tokenizer.ggml.add_sep_token",
            "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id", "tokenizer.ggml.unknown_token_id",
            "tokenizer.ggml.padding_token_id", "tokenizer.ggml.mask_token_id", "tokenizer.ggml.eot_token_id",
            "tokenizer.ggml.add_space_prefix", "tokenizer.ggml.token_type_count", "tokenizer.ggml.pre",
            "tokenizer.ggml.precompiled_charsmap", "tokenizer.ggml.suppress_tokens", "tokenizer.chat_template",
            "general.alignment", "general.type", "general.file_type", "split.count", "split.no",
            "magnet.recipe.version", "magnet.pooling", "magnet.token.mask", "magnet.token.end", "magnet.instruction",
            "magnet.infill.open_room", "magnet.attention", "magnet.infill.context", "adapter.lora.alpha",
            "adapter.type", "adapter.lora.task_name", "adapter.alora.invocation_tokens"};
        static const uint32_t types[] = {GGUF_TYPE_UINT32, GGUF_TYPE_UINT32, GGUF_TYPE_UINT32,  GGUF_TYPE_FLOAT32,
                                         GGUF_TYPE_FLOAT32, GGUF_TYPE_STRING, GGUF_TYPE_BOOL, GGUF_TYPE_INT32,
                                         GGUF_TYPE_UINT64, GGUF_TYPE_UINT16};
        std::string key = any(keys), architecture = "llama";
        for (const pair & p : file_.pairs) {
            architecture = p.key == "general.architecture" && !p.values.empty() ? p.values[0] : architecture;
        }
        key = key[0] == '*' ? architecture + key.substr(1) : key;
        // one that is there already is replaced: with its own type mostly, so that the value is read
        const auto old = std::find_if(file_.pairs.begin(), file_.pairs.end(), [&](const pair & p) { return p.key == key; });
        if (old != file_.pairs.end()) {
            return change_value(*old);
        }
        pair p;
        p.key    = key;
        p.type   = any(types);
        p.values = {value_of(p.type, raw<uint64_t>(1))};
        say(p.key + " = " + shown(p));
        file_.pairs.push_back(p);
        if (below(3) == 0) {
            add_pair(); // some are read only beside others
        }
    }

    void change_tensor() {
        tensor & t = any(file_.tensors);
        switch (below(5)) {
            case 0:
            case 1: {
                uint64_t & dim = any(t.dims);
                dim            = integer(dim);
                return say(t.name + " has a dimension " + std::to_string(dim));
            }
            case 2:
                if (below(2) == 0 && t.dims.size() > 1) {
                    std::swap(t.dims[0], t.dims[1]);
                } else {
                    t.dims.resize(below(6), 1 + below(3));
                }
                return say(t.name + " has other dimensions");
            case 3:
                t.type = below(3) == 0 ? uint32_t(integer(t.type)) : uint32_t(below(GGML_TYPE_COUNT + 2));
                return say(t.name + " has type " + std::to_string(t.type));
            default:
                t.offset = below(2) == 0 ? any(file_.tensors).offset : integer(t.offset);
                return say(t.name + " has offset " + std::to_string(t.offset));
        }
    }

    void change_tensors() {
        const size_t i = below(file_.tensors.size());
        tensor &     t = file_.tensors[i];
        switch (below(4)) {
            case 0:
                say(t.name + " is gone");
                file_.tensors.erase(file_.tensors.begin() + std::ptrdiff_t(i));
                return;
            case 1:
                say(t.name + " is there twice");
                file_.tensors.push_back(t);
                return;
            case 2: {
                const std::string other = below(2) == 0 ? any(file_.tensors).name : string(t.name);
                say(t.name + " is named " + other.substr(0, 40));
                t.name = other;
                return;
            }
            default:
                say(t.name + " and another change places");
                std::swap(t.name, any(file_.tensors).name);
        }
    }

    void change_data() {
        static const float edges[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 3e38f,
                                      -3e38f, 0.0f};
        const size_t n = file_.data.size() / sizeof(float), first = below(n), count = 1 + below(below(2) == 0 ? 4 : n - first);
        const float  value = any(edges);
        const bool   noise = below(3) == 0;
        for (size_t i = first; i < std::min(n, first + count); ++i) {
            const uint32_t bits = uint32_t(random_());
            std::memcpy(&file_.data[i * sizeof(float)], noise ? (const void *)&bits : (const void *)&value, sizeof(float));
        }
        say(std::to_string(count) + " weights are " + (noise ? "noise" : std::to_string(value)));
        if (below(6) == 0) {
            file_.data.resize(below(file_.data.size()));
            say("weights cut off");
        }
    }

    gguf_parts &  file_;
    std::string & what_;
    std::mt19937  random_;
};

} // namespace

std::string damaged(const gguf_parts & sound, uint32_t seed, std::string & what) {
    gguf_parts file = sound;
    what.clear();
    mutator m(file, seed, what);
    for (size_t n = 1 + (m.below(3) == 0) + (m.below(6) == 0); n > 0 && !file.pairs.empty() && !file.tensors.empty(); --n) {
        m.damage();
    }
    std::string bytes = file.bytes();
    m.damage(bytes);
    return bytes;
}

} // namespace magnet::testing
