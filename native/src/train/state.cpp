#include "state.h"

#include "lora.h"

#include <algorithm>

namespace magnet::train {

trained_numbers zeros_like(const trained_numbers & numbers) {
    trained_numbers zeros = {zeros_like(numbers.lora), numbers.head};
    std::fill(zeros.head.w.begin(), zeros.head.w.end(), 0.0f);
    std::fill(zeros.head.b.begin(), zeros.head.b.end(), 0.0f);
    return zeros;
}

void update_average(trained_numbers & average, const trained_numbers & now, double share, int32_t step) {
    const double part = 1.0 / std::max(1.0, share * step);
    if (part == 1.0 || average.lora.matrices.empty()) {
        average = now;
        return;
    }
    const auto mix = [&](std::vector<float> & mean, const std::vector<float> & values) {
        for (size_t i = 0; i < mean.size(); ++i) {
            mean[i] = float(mean[i] + part * (double(values[i]) - mean[i]));
        }
    };
    for (size_t i = 0; i < now.lora.matrices.size(); ++i) {
        mix(average.lora.matrices[i].a, now.lora.matrices[i].a);
        mix(average.lora.matrices[i].b, now.lora.matrices[i].b);
    }
    mix(average.head.w, now.head.w);
    mix(average.head.b, now.head.b);
}

std::vector<trained_tensor> tensors_of(train_state & s, const trained_numbers & gradient) {
    std::vector<trained_tensor> all;
    const auto add = [&](std::vector<float> & value, const std::vector<float> & g, std::vector<float> & m,
                         std::vector<float> & v) {
        all.push_back({value.data(), g.data(), m.data(), v.data(), int64_t(value.size())});
    };
    for (size_t i = 0; i < s.now.lora.matrices.size(); ++i) {
        const lora_matrix & g = gradient.lora.matrices[i];
        lora_matrix &       m = s.m.lora.matrices[i];
        lora_matrix &       v = s.v.lora.matrices[i];
        add(s.now.lora.matrices[i].a, g.a, m.a, v.a);
        add(s.now.lora.matrices[i].b, g.b, m.b, v.b);
    }
    if (s.now.head.n_in > 0) {
        add(s.now.head.w, gradient.head.w, s.m.head.w, s.v.head.w);
        add(s.now.head.b, gradient.head.b, s.m.head.b, s.v.head.b);
    }
    return all;
}

} // namespace magnet::train
