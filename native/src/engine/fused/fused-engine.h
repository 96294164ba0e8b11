// The fused engine on kernels of the caller's choice: what load_fused_weights (engine/engine.h) does once it has chosen.
#pragma once

#include "engine/engine.h"
#include "kernels.h"

#include <memory>
#include <string>

namespace magnet::fused {

std::shared_ptr<fused_weights> load_weights(const std::string & path, const fused_engine_params & params,
                                            const kernel_set & set);

} // namespace magnet::fused
