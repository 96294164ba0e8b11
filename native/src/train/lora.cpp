#include "lora.h"

#include "base/error.h"
#include "base/gguf-file.h"
#include "rng.h"

#include <algorithm>
#include <cmath>

namespace magnet::train {

struct short_name {
    const char * name;
    const char * stem;     // of the GGUF tensor: blk.N.<stem>.weight
    const char * stand_in; // where the model has one matrix for several of them, or no gate
};

static const short_name short_names[] = {
    {"q", "attn_q", "attn_qkv"},       {"k", "attn_k", "attn_qkv"}, {"v", "attn_v", "attn_qkv"},
    {"o", "attn_output", nullptr},     {"up", "ffn_up", nullptr},   {"gate", "ffn_gate", "ffn_up"},
    {"down", "ffn_down", nullptr},
};

// "blk.3.attn_q.weight" -> "attn_q"
static std::string stem_of(const std::string & target) {
    const size_t end   = target.size() - (target.size() > 7 && target.substr(target.size() - 7) == ".weight" ? 7 : 0);
    const size_t begin = target.compare(0, 4, "blk.") == 0 ? target.find('.', 4) + 1 : 0;
    return target.substr(begin, end - begin);
}

static bool names(const std::string & wanted, const std::string & target) {
    if (wanted == target || wanted + ".weight" == target || wanted == stem_of(target)) {
        return true;
    }
    for (const short_name & s : short_names) {
        if (wanted == s.name && stem_of(target) == s.stem) {
            return true;
        }
    }
    return false;
}

// The name to look for: a short name that no matrix of the model has becomes the stem of what stands in for it.
static std::string resolve(const std::string & wanted, const std::vector<lora_matrix> & all) {
    const bool there =
        std::any_of(all.begin(), all.end(), [&](const lora_matrix & m) { return names(wanted, m.target); });
    for (const short_name & s : short_names) {
        if (!there && wanted == s.name && s.stand_in) {
            return s.stand_in;
        }
    }
    return wanted;
}

std::vector<lora_matrix> select_targets(const std::vector<lora_matrix> & all, const std::vector<std::string> & asked) {
    std::vector<std::string> wanted;
    for (const std::string & name : asked) {
        wanted.push_back(resolve(name, all));
    }
    std::vector<bool>        used(wanted.size(), false);
    std::vector<lora_matrix> chosen;
    for (const lora_matrix & m : all) {
        bool take = false;
        for (size_t i = 0; i < wanted.size(); ++i) {
            if (names(wanted[i], m.target)) {
                used[i] = take = true;
            }
        }
        if (take) {
            chosen.push_back(m);
        }
    }
    for (size_t i = 0; i < wanted.size(); ++i) {
        if (!used[i]) {
            std::string known;
            for (const short_name & s : short_names) {
                if (std::any_of(all.begin(), all.end(),
                                [&](const lora_matrix & m) { return names(s.name, m.target); })) {
                    known += std::string(s.name) + ", ";
                }
            }
            throw error(MAGNET_STATUS_INVALID_ARGUMENT, "lora.targets names \"" + asked[i] + "\"; this model has " +
                                                            known + "or one of them by its GGUF name, like " +
                                                            (all.empty() ? "" : all.front().target) + ".");
        }
    }
    if (chosen.empty()) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "lora.targets is empty: there is nothing to train.");
    }
    return chosen;
}

lora_set make_lora(const std::vector<lora_matrix> & targets, int32_t rank, float alpha, uint64_t seed) {
    lora_set set;
    set.rank     = rank;
    set.scale    = alpha / float(rank);
    set.matrices = targets;
    for (size_t i = 0; i < set.matrices.size(); ++i) {
        lora_matrix & m = set.matrices[i];
        rng           r(seed, draw::lora_init, i);
        const double  bound = 1.0 / std::sqrt(double(m.n_in));
        m.a.resize(size_t(rank) * m.n_in);
        m.b.assign(size_t(m.n_out) * rank, 0.0f);
        for (float & a : m.a) {
            a = float((2.0 * r.uniform() - 1.0) * bound);
        }
    }
    return set;
}

lora_set zeros_like(const lora_set & set) {
    lora_set zeros = set;
    for (lora_matrix & m : zeros.matrices) {
        std::fill(m.a.begin(), m.a.end(), 0.0f);
        std::fill(m.b.begin(), m.b.end(), 0.0f);
    }
    return zeros;
}

int64_t n_parameters(const lora_set & set) {
    int64_t n = 0;
    for (const lora_matrix & m : set.matrices) {
        n += int64_t(m.a.size() + m.b.size());
    }
    return n;
}

} // namespace magnet::train
