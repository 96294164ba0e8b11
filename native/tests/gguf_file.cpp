#include "gguf_file.h"

#include "test_files.h"
#include "tiny_model.h"

#include "ggml.h"
#include "gguf.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <stdexcept>

namespace magnet::testing {

namespace {

using gguf_ptr = std::unique_ptr<gguf_context, decltype(&gguf_free)>;
using ggml_ptr = std::unique_ptr<ggml_context, decltype(&ggml_free)>;

ggml_ptr new_ggml() {
    return {ggml_init({/*mem_size =*/size_t(16) << 20, nullptr, /*no_alloc =*/false}), ggml_free};
}

void add_tensor(gguf_context * gguf, ggml_context * ggml, const std::string & name, int64_t n_in, int64_t n_out,
                const std::vector<float> & values) {
    ggml_tensor * t = n_out > 0 ? ggml_new_tensor_2d(ggml, GGML_TYPE_F32, n_in, n_out)
                                : ggml_new_tensor_1d(ggml, GGML_TYPE_F32, n_in);
    ggml_set_name(t, name.c_str());
    std::copy(values.begin(), values.end(), static_cast<float *>(t->data));
    gguf_add_tensor(gguf, t);
}

void write(const gguf_ptr & gguf, const std::string & path) {
    if (!gguf_write_to_file(gguf.get(), path.c_str(), /*only_meta =*/false)) {
        throw std::runtime_error("cannot write " + path);
    }
}

// A token that ends a text, a space, and the printable characters from '!' on.
void set_ascii_vocabulary(gguf_context * gguf, int32_t n_vocab) {
    std::vector<std::string> tokens = {"<|end|>", "\xC4\xA0"}; // GPT-2 writes a space so
    for (char c = '!'; (int32_t)tokens.size() < n_vocab; ++c) {
        tokens.emplace_back(1, c);
    }
    std::vector<const char *> list;
    std::vector<int32_t>      types;
    for (const std::string & token : tokens) {
        list.push_back(token.c_str());
        types.push_back(types.empty() ? 3 : 1); // control, normal
    }
    gguf_set_val_str(gguf, "tokenizer.ggml.model", "gpt2");
    gguf_set_val_str(gguf, "tokenizer.ggml.pre", "gpt-2");
    gguf_set_arr_str(gguf, "tokenizer.ggml.tokens", list.data(), list.size());
    gguf_set_arr_data(gguf, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types.data(), types.size());
    const char * merge = "~ ~"; // llama.cpp wants the list, and none of these gives a token
    gguf_set_arr_str(gguf, "tokenizer.ggml.merges", &merge, 1);
    for (const char * key : {"bos", "eos"}) {
        gguf_set_val_u32(gguf, ("tokenizer.ggml." + std::string(key) + "_token_id").c_str(), 0);
    }
}

} // namespace

std::string scratch_path(const std::string & name) {
    static const test_folder folder;
    return folder / name;
}

std::string read_file(const std::string & path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string & path, const std::string & bytes) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), (std::streamsize)bytes.size());
    if (!file) {
        throw std::runtime_error("cannot write " + path);
    }
}

void copy_gguf(const std::string & from, const std::string & to, const std::function<void(gguf_context *)> & edit) {
    ggml_context * tensors = nullptr;
    const gguf_ptr source(gguf_init_from_file(from.c_str(), {/*no_alloc =*/false, &tensors}), gguf_free);
    const ggml_ptr owner(tensors, ggml_free);
    if (!source) {
        throw std::runtime_error("cannot read " + from);
    }
    const gguf_ptr gguf(gguf_init_empty(), gguf_free);
    gguf_set_kv(gguf.get(), source.get());
    edit(gguf.get());
    for (int64_t i = 0; i < gguf_get_n_tensors(source.get()); ++i) {
        gguf_add_tensor(gguf.get(), ggml_get_tensor(tensors, gguf_get_tensor_name(source.get(), i)));
    }
    write(gguf, to);
}

void write_adapter(const std::string & path, const std::string & architecture, const lora_set & lora, float alpha,
                   const std::function<void(gguf_context *)> & edit) {
    const gguf_ptr gguf(gguf_init_empty(), gguf_free);
    const ggml_ptr ggml = new_ggml();
    gguf_set_val_str(gguf.get(), "general.architecture", architecture.c_str());
    gguf_set_val_str(gguf.get(), "general.type", "adapter");
    gguf_set_val_str(gguf.get(), "adapter.type", "lora");
    gguf_set_val_f32(gguf.get(), "adapter.lora.alpha", alpha);
    for (const lora_matrix & m : lora.matrices) {
        add_tensor(gguf.get(), ggml.get(), m.target + ".lora_a", m.n_in, lora.rank, m.a);
        add_tensor(gguf.get(), ggml.get(), m.target + ".lora_b", lora.rank, m.n_out, m.b);
    }
    if (edit) {
        edit(gguf.get());
    }
    write(gguf, path);
}

lora_set random_lora(const std::vector<lora_matrix> & targets, int32_t rank, float scale, uint32_t seed) {
    std::mt19937                    random(seed);
    std::normal_distribution<float> normal;

    lora_set lora;
    lora.rank     = rank;
    lora.scale    = scale;
    lora.matrices = targets;
    for (lora_matrix & m : lora.matrices) {
        m.a.resize((size_t)rank * m.n_in);
        m.b.resize((size_t)rank * m.n_out);
        for (float & x : m.a) {
            x = normal(random) / std::sqrt((float)m.n_in);
        }
        for (float & x : m.b) {
            x = 0.3f * normal(random);
        }
    }
    return lora;
}

void write_control_model(const std::string & path, const std::vector<std::string> & control, bool spm, bool begins) {
    std::vector<std::string> tokens = control;
    tokens.insert(tokens.end(), {spm ? "<0x0A>" : "\xC4\x8A", spm ? "\xE2\x96\x81" : "\xC4\xA0"});
    for (char c = '!'; c <= '~'; ++c) {
        tokens.emplace_back(1, c);
    }
    tiny_model_params params;
    params.n_vocab = (int32_t)tokens.size();
    params.n_ctx   = 1024;
    write_tiny_model(path, params);
    copy_gguf(path, path, [&](gguf_context * gguf) {
        std::vector<const char *> list;
        std::vector<int32_t>      types;
        for (const std::string & token : tokens) {
            list.push_back(token.c_str());
            types.push_back(list.size() <= control.size() ? 3 : spm && list.size() == control.size() + 1 ? 6 : 1);
        }
        const std::vector<float> scores(tokens.size(), 0.0f);
        gguf_set_val_str(gguf, "tokenizer.ggml.model", spm ? "llama" : "gpt2");
        gguf_set_val_str(gguf, "tokenizer.ggml.pre", spm ? "default" : "gpt-2");
        gguf_set_arr_str(gguf, "tokenizer.ggml.tokens", list.data(), list.size());
        gguf_set_arr_data(gguf, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types.data(), types.size());
        gguf_set_arr_data(gguf, "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, scores.data(), scores.size());
        const char * merge = "~ ~";
        gguf_set_arr_str(gguf, "tokenizer.ggml.merges", &merge, 1);
        for (const char * key : {"bos", "eos"}) {
            gguf_set_val_u32(gguf, ("tokenizer.ggml." + std::string(key) + "_token_id").c_str(), 0);
        }
        gguf_set_val_bool(gguf, "tokenizer.ggml.add_bos_token", begins);
    });
}

void write_ascii_model(const std::string & path, int32_t n_vocab, int32_t n_expert) {
    tiny_model_params params;
    params.n_vocab       = n_vocab;
    params.n_expert      = n_expert;
    params.n_expert_used = std::min(n_expert, 2);
    write_tiny_model(path, params);
    copy_gguf(path, path, [&](gguf_context * gguf) { set_ascii_vocabulary(gguf, n_vocab); });
}

namespace {

// Mamba layers, of which hybrid ones (jamba) alternate with attention and are followed by a feed-forward part. Random
// weights: what the state holds must show in what comes next.
void write_recurrent(const std::string & path, bool hybrid) {
    constexpr int32_t n_vocab = 40, width = 16, inner = 32, state = 8, conv = 4, rank = 2, n_layer = 2, ffn = 24;
    const gguf_ptr    gguf(gguf_init_empty(), gguf_free);
    const ggml_ptr    ggml = new_ggml();
    const std::string arch = hybrid ? "jamba" : "mamba";
    std::mt19937      random(7);
    const auto        u32 = [&](const std::string & key, uint32_t value) {
        gguf_set_val_u32(gguf.get(), (arch + "." + key).c_str(), value);
    };
    const auto tensor = [&](const std::string & name, int64_t n_in, int64_t n_out, float mean, float deviation) {
        std::normal_distribution<float> normal(mean, deviation);
        std::vector<float>              values(n_in * std::max<int64_t>(n_out, 1));
        std::generate(values.begin(), values.end(), [&] { return normal(random); });
        add_tensor(gguf.get(), ggml.get(), name, n_in, n_out, values);
    };
    const auto matrix = [&](const std::string & name, int64_t n_in, int64_t n_out) {
        tensor(name, n_in, n_out, 0.0f, 1.5f / std::sqrt((float)n_in));
    };
    gguf_set_val_str(gguf.get(), "general.architecture", arch.c_str());
    set_ascii_vocabulary(gguf.get(), n_vocab);
    u32("context_length", 64);
    u32("embedding_length", width);
    u32("block_count", n_layer);
    u32("feed_forward_length", hybrid ? ffn : 0);
    u32("attention.head_count", hybrid ? 2 : 0);
    u32("ssm.conv_kernel", conv);
    u32("ssm.inner_size", inner);
    u32("ssm.state_size", state);
    u32("ssm.time_step_rank", rank);
    gguf_set_val_f32(gguf.get(), (arch + ".attention.layer_norm_rms_epsilon").c_str(), 1e-5f);
    if (hybrid) {
        const int32_t n_head_kv[n_layer] = {0, 2}; // 0: no attention
        gguf_set_arr_data(gguf.get(), "jamba.attention.head_count_kv", GGUF_TYPE_INT32, n_head_kv, n_layer);
    }
    tensor("token_embd.weight", width, n_vocab, 0.0f, 1.0f);
    tensor("output_norm.weight", width, 0, 1.0f, 0.1f);
    for (int32_t l = 0; l < n_layer; ++l) {
        const std::string b = "blk." + std::to_string(l) + ".";
        tensor(b + "attn_norm.weight", width, 0, 1.0f, 0.1f);
        if (hybrid && l == 1) {
            for (const char * name : {"attn_q", "attn_k", "attn_v", "attn_output"}) {
                matrix(b + name + ".weight", width, width);
            }
        } else {
            matrix(b + "ssm_in.weight", width, 2 * inner);
            tensor(b + "ssm_conv1d.weight", conv, inner, 0.0f, 0.7f);
            tensor(b + "ssm_conv1d.bias", inner, 0, 0.0f, 0.1f);
            matrix(b + "ssm_x.weight", inner, rank + 2 * state);
            matrix(b + "ssm_dt.weight", rank, inner);
            tensor(b + "ssm_dt.bias", inner, 0, 0.0f, 0.1f);
            tensor(b + "ssm_a", state, inner, -0.3f, 0.05f);
            tensor(b + "ssm_d", inner, 0, 1.0f, 0.1f);
            matrix(b + "ssm_out.weight", inner, width);
        }
        if (hybrid) {
            if (l == 0) {
                tensor(b + "ssm_dt_norm.weight", rank, 0, 1.0f, 0.1f);
                tensor(b + "ssm_b_norm.weight", state, 0, 1.0f, 0.1f);
                tensor(b + "ssm_c_norm.weight", state, 0, 1.0f, 0.1f);
            }
            tensor(b + "ffn_norm.weight", width, 0, 1.0f, 0.1f);
            matrix(b + "ffn_gate.weight", width, ffn);
            matrix(b + "ffn_up.weight", width, ffn);
            matrix(b + "ffn_down.weight", ffn, width);
        }
    }
    write(gguf, path);
}

} // namespace

void write_mamba(const std::string & path) {
    write_recurrent(path, false);
}

void write_jamba(const std::string & path) {
    write_recurrent(path, true);
}

void write_encoder(const std::string & path) {
    constexpr int32_t  width = 32, ffn = 64, context = 64;
    const char * const tokens[] = {"[UNK]",
                                   "[CLS]",
                                   "[SEP]",
                                   "[PAD]",
                                   "[MASK]",
                                   "\xE2\x96\x81the",
                                   "\xE2\x96\x81"
                                   "a",
                                   "b"};
    constexpr int32_t  n_vocab  = (int32_t)std::size(tokens);

    const gguf_ptr gguf(gguf_init_empty(), gguf_free);
    const ggml_ptr ggml = new_ggml();
    const auto     u32  = [&](const char * key, uint32_t value) { gguf_set_val_u32(gguf.get(), key, value); };
    gguf_set_val_str(gguf.get(), "general.architecture", "bert");
    u32("bert.context_length", context);
    u32("bert.embedding_length", width);
    u32("bert.block_count", 1);
    u32("bert.feed_forward_length", ffn);
    u32("bert.attention.head_count", 4);
    gguf_set_val_f32(gguf.get(), "bert.attention.layer_norm_epsilon", 1e-6f);
    gguf_set_val_bool(gguf.get(), "bert.attention.causal", false);
    gguf_set_val_str(gguf.get(), "tokenizer.ggml.model", "bert");
    const char * list[n_vocab];
    std::copy(std::begin(tokens), std::end(tokens), list);
    gguf_set_arr_str(gguf.get(), "tokenizer.ggml.tokens", list, n_vocab);
    const int32_t types[n_vocab] = {2, 3, 3, 3, 3, 1, 1, 1};
    gguf_set_arr_data(gguf.get(), "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types, n_vocab);
    u32("tokenizer.ggml.token_type_count", 2);
    u32("tokenizer.ggml.unknown_token_id", 0);
    u32("tokenizer.ggml.cls_token_id", 1);
    u32("tokenizer.ggml.seperator_token_id", 2); // upstream's spelling
    u32("tokenizer.ggml.padding_token_id", 3);
    u32("tokenizer.ggml.mask_token_id", 4);

    const auto matrix = [&](const std::string & name, int64_t n_in, int64_t n_out) {
        add_tensor(gguf.get(), ggml.get(), name, n_in, n_out, std::vector<float>(n_in * n_out, 0.1f));
    };
    const auto vector = [&](const std::string & name, int64_t n) {
        add_tensor(gguf.get(), ggml.get(), name, n, 0, std::vector<float>(n, 1.0f));
    };
    matrix("token_embd.weight", width, n_vocab);
    matrix("position_embd.weight", width, context);
    matrix("token_types.weight", width, 2);
    for (const char * norm : {"token_embd_norm", "blk.0.attn_output_norm", "blk.0.layer_output_norm"}) {
        vector(std::string(norm) + ".weight", width);
        vector(std::string(norm) + ".bias", width);
    }
    for (const char * name : {"attn_q", "attn_k", "attn_v", "attn_output"}) {
        matrix(std::string("blk.0.") + name + ".weight", width, width);
        vector(std::string("blk.0.") + name + ".bias", width);
    }
    matrix("blk.0.ffn_up.weight", width, ffn);
    vector("blk.0.ffn_up.bias", ffn);
    matrix("blk.0.ffn_down.weight", ffn, width);
    vector("blk.0.ffn_down.bias", width);
    write(gguf, path);
}

} // namespace magnet::testing
