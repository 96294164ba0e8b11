// What reads the golden files of training: adapters, gradients, and how like two of them are.
#pragma once

#include "batch_json.h"
#include "golden.h"
#include "train/step.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace magnet::testing {

inline lora_set lora_of(const nlohmann::json & file, const nlohmann::json & matrices) {
    lora_set set;
    set.rank  = file["rank"];
    set.scale = float(file["alpha"]) / float(set.rank);
    for (const auto & [name, m] : matrices.items()) {
        set.matrices.push_back({name, m["a"]["shape"][1], m["b"]["shape"][0], floats(m["a"]), floats(m["b"])});
    }
    return set;
}

inline train_stage weights_of(const nlohmann::json & w) {
    return {1, w.value("mntp", 0.0f), w.value("sscl", 0.0f), w.value("msg", 0.0f)};
}

struct likeness {
    double cosine;
    double error; // |a - b| / |b|
};

inline likeness compare(const std::vector<float> & a, const std::vector<float> & b) {
    double ab = 0, aa = 0, bb = 0, dd = 0;
    for (size_t i = 0; i < b.size(); ++i) {
        ab += double(a[i]) * b[i];
        aa += double(a[i]) * a[i];
        bb += double(b[i]) * b[i];
        dd += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
    }
    return {ab / std::sqrt(aa * bb), std::sqrt(dd / bb)};
}

inline const lora_matrix & matrix_of(const lora_set & set, const std::string & target) {
    const auto found = std::find_if(set.matrices.begin(), set.matrices.end(),
                                    [&](const lora_matrix & m) { return m.target == target; });
    if (found == set.matrices.end()) {
        throw std::runtime_error("nothing adapts " + target);
    }
    return *found;
}

// Losses of a case and the gradient of its total.
inline step_losses gradient_of(engine & e, const nlohmann::json & test_case, const trained_numbers & at,
                               trained_numbers & gradient) {
    train_options     o;
    const micro_batch batch = batch_of(test_case, o.contrast);
    e.set_lora({&at.lora});
    return compute_gradient(e, {batch}, weights_of(test_case["weights"]), o, at, 0, gradient);
}

} // namespace magnet::testing
