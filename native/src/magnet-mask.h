// Who sees whom: the one home of MAGNET's attention mask.
//
// Every token has a role. A query token q sees a key token k of its own sequence by this rule:
//
//   k is CONTEXT   always
//   k is ORDERED   if q is SPAN, or pos(k) <= pos(q)
//   k is SPAN      if q is SPAN and pos(k) <= pos(q)
//
// All SPAN is plain causal attention (what llama.cpp does without roles, hence the default); all CONTEXT is fully
// bidirectional; CONTEXT around SPAN is the hybrid mask of the paper (arXiv 2501.08648, section 3); ORDERED around
// SPAN keeps the context causal and lets only the span look to its right.
//
// Plain C so that the patched llama.cpp, the fused engine, the trainer and the tests all call the same function.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum magnet_mask_role {
    MAGNET_MASK_SPAN    = 0,
    MAGNET_MASK_CONTEXT = 1,
    MAGNET_MASK_ORDERED = 2,
};

// The smallest query position that sees the key: INT32_MIN = every one does, INT32_MAX = none does. This is the rule
// in the form that mask builders want: one comparison per query and key. Pure.
static inline int32_t magnet_mask_visible_from(int8_t role_q, int8_t role_k, int32_t pos_k) {
    switch (role_k) {
        case MAGNET_MASK_CONTEXT: return INT32_MIN;
        case MAGNET_MASK_ORDERED: return role_q == MAGNET_MASK_SPAN ? INT32_MIN : pos_k;
        default:                  return role_q == MAGNET_MASK_SPAN ? pos_k : INT32_MAX;
    }
}

// Positions are those given with the batch, below INT32_MAX; the order of tokens in memory has no meaning. Pure.
static inline bool magnet_mask_allows(int8_t role_q, int32_t pos_q, int8_t role_k, int32_t pos_k) {
    return magnet_mask_visible_from(role_q, role_k, pos_k) <= pos_q;
}
