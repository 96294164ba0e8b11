// Every op of a training step, as the engine builds it for a GPU, against what ggml's CUDA backend says that it
// computes: its own supports_op, cut out of the pinned source when the tests are configured. No GPU is needed, and none
// is proven.
#include "engine/graph/adapters.h"
#include "engine/graph/dropout.h"
#include "engine/graph/loss.h"
#include "engine/graph/rewrite.h"
#include "engine/graph/targets.h"
#include "golden.h"
#include "gradient_fixture.h"
#include "model/context.h"
#include "quantised_model.h"

#define GGML_COMMON_DECL_CPP
#include "ggml-backend-impl.h"
#include "ggml-common.h"
#include "ggml-impl.h"

#include <doctest/doctest.h>

#include <set>

namespace {

// What supports_op leans on. No tensor here lies on a GPU, and training graphs have no flash attention.
#define GGML_CUDA_USE_CUB // any toolkit since 11.7
struct ggml_backend_cuda_device_context {
    int device = 0;
};
using ggml_backend_cuda_buffer_type_context = ggml_backend_cuda_device_context;
bool ggml_backend_buft_is_cuda(ggml_backend_buffer_type_t) { return false; }
bool ggml_cuda_flash_attn_ext_supported(int, const ggml_tensor *) { return false; }
bool ggml_cuda_lightning_indexer_supported(int, const ggml_tensor *) { return false; }

#include "supports-op.inc"

bool cuda_takes(const ggml_tensor * node) {
    ggml_backend_cuda_device_context context;
    ggml_backend_device              device = {};
    device.context                          = &context;
    return ggml_backend_cuda_device_supports_op(&device, node);
}

} // namespace

using namespace magnet;
using namespace magnet::graph;
using namespace magnet::testing;

namespace {

using llama_model_ptr = std::unique_ptr<llama_model, llama_model_deleter>;
using seen_ops        = std::set<std::string>;

// "MUL_MAT bf16 f32 -> f32"
std::string describe(const ggml_tensor * node) {
    std::string text = ggml_op_desc(node);
    for (const ggml_tensor * src : node->src) {
        text += src ? std::string(" ") + ggml_type_name(src->type) : "";
    }
    return text + " -> " + ggml_type_name(node->type);
}

void check_nodes(ggml_cgraph * graph, seen_ops & seen) {
    for (int i = 0; i < ggml_graph_n_nodes(graph); ++i) {
        const ggml_tensor * node = ggml_graph_node(graph, i);
        seen.insert(describe(node));
        CHECK_MESSAGE(cuda_takes(node), "CUDA does not take ", describe(node), " (", node->name, ")");
    }
}

// One step of the graph engine on a device for which nothing is rewritten to the CPU's own products.
class gpu_step {
public:
    gpu_step(const std::string & path, bool exact) : exact_(exact), frozen_(exact) {
        llama_model_params p = llama_model_default_params();
        p.use_extra_bufts    = false;
        model_.reset(llama_model_load_from_file(path.c_str(), p));
        REQUIRE(model_);
        context_ = make_training_context(model_.get(), 1);
        forward_ = std::make_unique<forward_graph>(context_.get());
    }

    // Rows under every pattern of roles, two adapters, dropout: forward, and gradients of the first adapter.
    void check_blocks(seen_ops & seen) {
        const auto     targets = adaptable_matrices(*forward_, model_.get());
        graph_adapters adapters(model_.get(), targets);
        const lora_set first = random_adapter(targets, 3, 0.5f, 1), second = random_adapter(targets, 2, 0.5f, 2);
        adapters.set({ &first, &second });
        forward_->set_lora(adapters.terms());

        token_batch              batch;
        std::vector<token_place> places;
        const auto rows = random_rows({ 5, 7, 9, 12 }, llama_vocab_n_tokens(llama_model_get_vocab(model_.get())), 1);
        for (int32_t r = 0; r < (int32_t) rows.size(); ++r) {
            for (int32_t i = 0; i < (int32_t) rows[r].tokens.size(); ++i) {
                batch.add(rows[r].tokens[i], rows[r].pos[i], rows[r].roles[i], r, true);
                places.push_back({ r, i });
            }
        }
        graph_dropout dropout;
        build_blocks(*forward_, batch, places, adapters, dropout, { 0.3f, 7 }, rules());
        ggml_tensor * seed = ggml_dup_tensor(forward_->context(), forward_->hidden());
        check_step(forward_->hidden(), seed, adapters.trained(), seen);
    }

    // From hidden states to the loss, and back.
    void check_head(seen_ops & seen) {
        forward_->set_lora({}); // those of the blocks are gone
        build_head(*forward_, 5, rules());
        check_step(forward_->logits(), add_loss(*forward_, true).d_logits, { forward_->hidden() }, seen);
    }

private:
    product_rules rules() { return { frozen_, exact_, nullptr }; }

    void check_step(ggml_tensor * output, ggml_tensor * seed, const std::vector<ggml_tensor *> & leaves,
                    seen_ops & seen) {
        const int n_forward = ggml_graph_n_nodes(forward_->graph());
        for (const ggml_tensor * gradient : add_gradients(*forward_, output, seed, leaves, rules())) {
            REQUIRE(gradient);
        }
        CHECK(ggml_graph_n_nodes(forward_->graph()) > n_forward);
        check_nodes(forward_->graph(), seen);
    }

    const bool                     exact_;
    frozen_weights                 frozen_;
    llama_model_ptr                model_;
    llama_context_ptr              context_;
    std::unique_ptr<forward_graph> forward_;
};

// In both precisions.
void check_model(const std::string & path, seen_ops & all) {
    for (const bool exact : { false, true }) {
        CAPTURE(exact);
        gpu_step step(path, exact);
        seen_ops seen;
        step.check_blocks(seen);
        step.check_head(seen);
        CHECK(seen.size() > 10);
        all.insert(seen.begin(), seen.end());
    }
}

} // namespace

TEST_CASE("CUDA takes every op of a training step, of every architecture") {
    seen_ops all;
    for (const std::string arch : { "llama", "qwen2", "qwen3", "gemma2", "phi3", "gpt2" }) {
        CAPTURE(arch);
        check_model(golden_dir() + "tiny-" + arch + ".gguf", all);
    }
    check_model(temporary_model(with_experts({}, 4, 2)).path, all);
    std::string list;
    for (const std::string & op : all) {
        list += "\n  " + op;
    }
    MESSAGE("ops of training steps:" << list);
}

TEST_CASE("CUDA takes the products with weights of quantised files") {
    for (const llama_ftype type : { LLAMA_FTYPE_MOSTLY_Q4_1, LLAMA_FTYPE_MOSTLY_Q8_0, LLAMA_FTYPE_MOSTLY_Q4_K_M }) {
        for (const int32_t n_expert : { 0, 4 }) {
            CAPTURE(type);
            CAPTURE(n_expert);
            seen_ops seen;
            check_model(quantised_model(n_expert, type).path, seen);
            const std::string name = ggml_type_name(type == LLAMA_FTYPE_MOSTLY_Q4_1   ? GGML_TYPE_Q4_1
                                                    : type == LLAMA_FTYPE_MOSTLY_Q8_0 ? GGML_TYPE_Q8_0
                                                                                      : GGML_TYPE_Q4_K);
            CHECK(seen.count("MUL_MAT " + name + " f32 -> f32") == 1);
            CHECK(seen.count("MUL_MAT_ID " + name + " f32 i32 -> f32") == (n_expert > 0));
        }
    }
}

TEST_CASE("the judge refuses what CUDA does not compute") {
    const ggml_context_ptr context = make_context(16);
    ggml_context *         c       = context.get();
    ggml_tensor *          x       = ggml_new_tensor_2d(c, GGML_TYPE_F32, 8, 4);
    ggml_tensor *          half    = ggml_new_tensor_2d(c, GGML_TYPE_BF16, 8, 4);
    CHECK(cuda_takes(ggml_tanh(c, x)));
    CHECK(!cuda_takes(ggml_tanh(c, ggml_view_2d(c, x, 4, 4, x->nb[1], 0))));
    CHECK(cuda_takes(ggml_add(c, x, x)));
    CHECK(!cuda_takes(ggml_add(c, half, half)));
    CHECK(!cuda_takes(ggml_out_prod(c, half, half)));
    CHECK(!cuda_takes(ggml_repeat_4d(c, half, 8, 4, 2, 1)));
}
