// The tables of one instruction set. Include last, after MAGNET_VECTOR_WIDTH, MAGNET_TILE_ROWS and MAGNET_TILE_VECTORS
// are defined (and MAGNET_DOT_BF16 or MAGNET_AMX where they hold).
#pragma once

#include "attention-backward.h"
#include "attention.h"
#include "elementwise.h"
#include "gated.h"
#include "gemm.h"
#include "pack.h"

namespace magnet::fused {
namespace {

template <class T>
constexpr kernel_table<T> make_table() {
    return {
        /*gemm               =*/ gemm_store<T, T>,
        /*gemm_f32           =*/ gemm_store<T, float>,
        /*gemm_add           =*/ gemm_add<T>,
        /*gated              =*/ gated<T>,
        /*gated_backward     =*/ gated_backward<T>,
        /*rms_norm           =*/ rms_norm<T>,
        /*rms_norm_backward  =*/ rms_norm_backward<T>,
        /*qkv                =*/ qkv<T>,
        /*qkv_backward       =*/ qkv_backward<T>,
        /*attention          =*/ attention<T>,
        /*attention_backward =*/ attention_backward<T>,
        /*convert            =*/ convert<T>,
        /*drop               =*/ drop<T>,
        /*pack               =*/ pack,
        /*transpose          =*/ transpose<T>,
        /*log_sum_exp        =*/ log_sum_exp,
        /*softmax_gradient   =*/ softmax_gradient<T>,
    };
}

constexpr kernel_table<bf16>  bf16_functions  = make_table<bf16>();
constexpr kernel_table<float> float_functions = make_table<float>();

} // namespace
} // namespace magnet::fused
