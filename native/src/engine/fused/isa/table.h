// The tables of one instruction set. Include last, after MAGNET_VECTOR_WIDTH, MAGNET_TILE_ROWS and MAGNET_TILE_VECTORS
// are defined, and MAGNET_DOT_BF16 and MAGNET_AMX_TILES where they hold.
#pragma once

#include "attention-backward.h"
#include "attention.h"
#include "elementwise.h"
#include "gated.h"
#include "gemm.h"
#include "pack.h"

namespace magnet::fused {
namespace {

// A function that multiplies, with what its instructions need around it.
template <auto F>
struct multiplying;

template <class... Args, void (*F)(Args...)>
struct multiplying<F> {
    static void call(Args... args) {
        [[maybe_unused]] const tile_scope scope;
        F(args...);
    }
};

template <class T>
constexpr kernel_table<T> make_table() {
    return {
        /*gemm               =*/ multiplying<gemm_store<T, T>>::call,
        /*gemm_f32           =*/ multiplying<gemm_store<T, float>>::call,
        /*gemm_add           =*/ multiplying<gemm_add<T>>::call,
        /*gated              =*/ multiplying<gated<T>>::call,
        /*gated_backward     =*/ multiplying<gated_backward<T>>::call,
        /*activate           =*/ activate_row,
        /*rms_norm           =*/ rms_norm<T>,
        /*rms_norm_backward  =*/ rms_norm_backward<T>,
        /*residual           =*/ residual<T>,
        /*residual_backward  =*/ residual_backward<T>,
        /*qkv                =*/ qkv<T>,
        /*qkv_backward       =*/ qkv_backward<T>,
        /*attention          =*/ multiplying<attention<T>>::call,
        /*attention_backward =*/ multiplying<attention_backward<T>>::call,
        /*cached_attention   =*/ multiplying<cached_attention<T>>::call,
        /*attention_part     =*/ multiplying<attention_part<T>>::call,
        /*quantised_product  =*/ quantised_product,
        /*quantise           =*/ quantise,
        /*convert            =*/ convert<T>,
        /*drop               =*/ drop<T>,
        /*pack               =*/ pack,
        /*pack_transposed    =*/ pack_transposed<T>,
        /*transpose          =*/ transpose<T>,
        /*cap                =*/ cap_row,
        /*log_sum_exp        =*/ log_sum_exp,
        /*softmax_gradient   =*/ softmax_gradient<T>,
        /*softmax_part       =*/ softmax_part<T>,
        /*softmax_difference =*/ softmax_difference<T>,
    };
}

constexpr kernel_table<bf16>  bf16_functions  = make_table<bf16>();
constexpr kernel_table<float> float_functions = make_table<float>();

} // namespace
} // namespace magnet::fused
