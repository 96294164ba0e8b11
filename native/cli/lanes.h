#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "model.h"
#include "output.h"

namespace magnet_cli {

// Texts that are made at one time. Up to here each has the same bits beside others as alone on every machine, and more gain
// little for one process.
constexpr int32_t most_together = 8;

/*
 * Many records in one model: several sessions work at once, since steps of running sessions share their passes through
 * the weights. What work() writes appears in the order of the records, that of the first unfinished one as it is made.
 * Record i always goes to the same session, so that a run repeats itself to the bit.
 *
 * work(session, i, out) is called from several threads, once a record, until interrupted(); with the first failure, in
 * the order of the records, what comes after it is left, and it is thrown here. Ctrl-C cancels all that runs.
 *
 * n_each: texts that a single call makes at one time, which share passes already.
 */
void for_each_record(const loaded_model & loaded, const model_options & model, size_t n, int32_t n_each, output & out,
                     const std::function<void(magnet_session *, size_t, sink &)> & work);

} // namespace magnet_cli
