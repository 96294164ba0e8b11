#include "checkpoint.h"

#include "base/error.h"
#include "base/gguf-file.h"
#include "base/hash.h"

#include <cmath>
#include <sstream>

namespace magnet::train {

static const int64_t checkpoint_version = 3; // 3: a checksum at its end
static const int64_t most_counted       = int64_t(1) << 53; // rows, tokens, epochs

uint64_t hash_corpus(const corpus & data) {
    fnv1a      h;
    const auto add = [&h](const std::vector<int32_t> & tokens) {
        h.add(tokens);
        h.add(0xffffffffu); // where one ends
    };
    for (const text_document & d : data.documents) {
        add(d.tokens);
    }
    for (const text_pair & p : data.pairs) {
        add(p.anchor);
        add(p.positive);
        add(p.negative);
    }
    for (const auto & set : data.candidates) {
        for (const std::vector<int32_t> & text : set) {
            add(text);
        }
    }
    return h.value();
}

// ------------------------------------------------------------------------------------------------ numbers

// Calls use(name, values, rows, columns) for every tensor.
template <typename Numbers, typename F>
static void for_each_tensor(Numbers & n, const std::string & prefix, const F & use) {
    for (auto & m : n.lora.matrices) {
        use(prefix + m.target + ".a", m.a, n.lora.rank, m.n_in);
        use(prefix + m.target + ".b", m.b, m.n_out, n.lora.rank);
    }
    if (n.head.n_in > 0) {
        use(prefix + "head.w", n.head.w, n.head.n_out, n.head.n_in);
        use(prefix + "head.b", n.head.b, 1, n.head.n_out);
    }
}

static void read_numbers(const gguf_reader & file, const std::string & prefix, trained_numbers & n) {
    for_each_tensor(n, prefix,
                    [&](const std::string & name, std::vector<float> & values, int64_t rows, int64_t columns) {
                        const int64_t id = file.find(name);
                        if (id < 0 || file.n_elements(id) != rows * columns) {
                            throw error(MAGNET_STATUS_BAD_FILE, name + " is missing, or has another size");
                        }
                        values = file.values(id);
                    });
}

// ------------------------------------------------------------------------------------------------ places

// Calls use(key, number) for every number that is no tensor.
template <typename State, typename F>
static void for_each_integer(State & s, const F & use) {
    use("train.step", s.step);
    use("train.best_step", s.best_step);
    use("train.text.epoch", s.places.text.epoch);
    use("train.text.index", s.places.text.index);
    use("train.crops.epoch", s.places.crops.epoch);
    use("train.crops.index", s.places.crops.index);
    use("train.n_rows", s.places.n_rows);
    use("train.n_pairs", s.places.n_pairs);
    use("train.n_batches", s.places.n_batches);
    use("train.lora.rank", s.now.lora.rank);
    use("train.head.n_in", s.now.head.n_in);
    use("train.head.n_out", s.now.head.n_out);
}

static const char * const key_mined = "train.mined"; // indices, a pair
static const char * const key_pairs = "train.pairs"; // epoch and index of each source

static std::vector<order_place> read_pair_places(const gguf_reader & file) {
    const int64_t key = gguf_find_key(file.meta(), key_pairs);
    if (key < 0) { // no pairs
        return {};
    }
    if (gguf_get_kv_type(file.meta(), key) != GGUF_TYPE_ARRAY || gguf_get_arr_type(file.meta(), key) != GGUF_TYPE_INT64 ||
        gguf_get_arr_n(file.meta(), key) % 2 != 0) {
        throw error(MAGNET_STATUS_BAD_FILE, std::string(key_pairs) + " is damaged");
    }
    std::vector<order_place> places(gguf_get_arr_n(file.meta(), key) / 2);
    const auto *             numbers = static_cast<const int64_t *>(gguf_get_arr_data(file.meta(), key));
    for (size_t i = 0; i < places.size(); ++i) {
        places[i] = {numbers[2 * i], numbers[2 * i + 1]};
    }
    return places;
}

static std::vector<int32_t> read_mined(const gguf_reader & file) {
    const int64_t key = gguf_find_key(file.meta(), key_mined);
    if (key < 0) {
        return {};
    }
    if (gguf_get_kv_type(file.meta(), key) != GGUF_TYPE_ARRAY || gguf_get_arr_type(file.meta(), key) != GGUF_TYPE_INT32) {
        throw error(MAGNET_STATUS_BAD_FILE, std::string(key_mined) + " is damaged");
    }
    const auto * numbers = static_cast<const int32_t *>(gguf_get_arr_data(file.meta(), key));
    return {numbers, numbers + gguf_get_arr_n(file.meta(), key)};
}

void save_checkpoint(const std::string & path, const checkpoint & c) {
    const train_state & s = c.state;
    const gguf_ptr      meta(gguf_init_empty());
    gguf_set_val_str(meta.get(), "general.type", "checkpoint");
    gguf_set_val_str(meta.get(), "general.architecture", c.arch.c_str());
    gguf_set_val_u32(meta.get(), "train.version", uint32_t(checkpoint_version));
    gguf_set_val_str(meta.get(), "train.options", options_to_json(c.options).c_str());
    gguf_set_val_str(meta.get(), "train.base", c.base.c_str());
    gguf_set_val_u64(meta.get(), "train.data_hash", c.data_hash);
    gguf_set_val_f32(meta.get(), "train.lora.scale", s.now.lora.scale);
    for_each_integer(s, [&](const char * key, int64_t number) { gguf_set_val_i64(meta.get(), key, number); });

    std::vector<int64_t> pairs;
    for (const order_place & place : s.places.pairs) {
        pairs.insert(pairs.end(), {place.epoch, place.index});
    }
    if (!pairs.empty()) {
        gguf_set_arr_data(meta.get(), key_pairs, GGUF_TYPE_INT64, pairs.data(), pairs.size());
    }
    if (!s.mined.empty()) {
        gguf_set_arr_data(meta.get(), key_mined, GGUF_TYPE_INT32, s.mined.data(), s.mined.size());
    }
    std::vector<const char *> targets;
    for (const lora_matrix & m : s.now.lora.matrices) {
        targets.push_back(m.target.c_str());
    }
    gguf_set_arr_str(meta.get(), "train.lora.targets", targets.data(), targets.size());
    std::string history;
    for (const train_record & r : s.history) {
        history += record_to_json(r) + "\n";
    }
    gguf_set_val_str(meta.get(), "train.history", history.c_str());

    std::vector<gguf_tensor> tensors;
    const auto add = [&](const std::string & name, const std::vector<float> & values, int64_t rows, int64_t columns) {
        tensors.push_back({name, GGML_TYPE_F32, {columns, rows}, [&values] { return values.data(); }});
    };
    for_each_tensor(s.now, "now.", add);
    for_each_tensor(s.m, "m.", add);
    for_each_tensor(s.v, "v.", add);
    for_each_tensor(s.average, "average.", add);
    for_each_tensor(s.best, "best.", add); // none yet: no tensors
    write_gguf(path, meta.get(), tensors, /*sealed =*/true);
}

// The names of the matrices, and their sizes by what is stored of them.
static void read_shapes(const gguf_reader & file, lora_set & lora) {
    const int64_t key = gguf_find_key(file.meta(), "train.lora.targets");
    if (key < 0 || gguf_get_kv_type(file.meta(), key) != GGUF_TYPE_ARRAY ||
        gguf_get_arr_type(file.meta(), key) != GGUF_TYPE_STRING) {
        throw error(MAGNET_STATUS_BAD_FILE, "train.lora.targets is damaged");
    }
    const int64_t rank = lora.rank;
    for (size_t i = 0; i < gguf_get_arr_n(file.meta(), key); ++i) {
        lora_matrix m;
        m.target         = gguf_get_arr_str(file.meta(), key, i);
        const int64_t ia = file.find("now." + m.target + ".a"), ib = file.find("now." + m.target + ".b");
        if (ia < 0 || ib < 0) {
            throw error(MAGNET_STATUS_BAD_FILE, "the matrices of " + m.target + " are missing");
        }
        m.n_in  = int32_t(file.n_elements(ia) / rank);
        m.n_out = int32_t(file.n_elements(ib) / rank);
        if (m.n_in < 1 || m.n_out < 1) {
            throw error(MAGNET_STATUS_BAD_FILE, "the matrices of " + m.target + " are too small for train.lora.rank");
        }
        lora.matrices.push_back(std::move(m));
    }
}

static void check_places(const checkpoint & c) {
    const train_state & s      = c.state;
    const auto          within = [](const char * name, int64_t value, int64_t least, int64_t most) {
        if (value < least || value > most) {
            throw error(MAGNET_STATUS_BAD_FILE, std::string(name) + " is " + std::to_string(value));
        }
    };
    within("train.step", s.step, 0, total_steps(c.options));
    within("train.best_step", s.best_step, 0, s.step);
    within("train.lora.rank", s.now.lora.rank, 1, 65536);
    within("train.head.n_in", s.now.head.n_in, 0, 1 << 24);
    within("train.head.n_out", s.now.head.n_out, s.now.head.n_in > 0, 1 << 24);
    std::vector<order_place> places = s.places.pairs;
    places.insert(places.end(), {s.places.text, s.places.crops});
    for (const order_place & place : places) {
        within("an epoch", place.epoch, 0, most_counted);
        within("a place in the data", place.index, 0, most_counted);
    }
    within("train.n_rows", s.places.n_rows, 0, most_counted);
    within("train.n_pairs", s.places.n_pairs, 0, most_counted);
    within("train.n_batches", s.places.n_batches, 0, most_counted);
    if (!std::isfinite(s.now.lora.scale)) {
        throw error(MAGNET_STATUS_BAD_FILE, "train.lora.scale is not a number");
    }
}

static checkpoint read_checkpoint(const gguf_reader & file) {
    checkpoint    c;
    train_state & s = c.state;
    c.options       = options_from_json(file.text("train.options"));
    check_options(c.options);
    c.arch      = file.text("general.architecture");
    c.base      = file.text("train.base");
    c.data_hash = uint64_t(file.integer("train.data_hash", 0));
    for_each_integer(s, [&](const char * key, auto & number) {
        using type          = std::remove_reference_t<decltype(number)>;
        const int64_t value = file.integer(key, 0);
        number              = type(value);
        if (int64_t(number) != value) {
            throw error(MAGNET_STATUS_BAD_FILE, std::string(key) + " is " + std::to_string(value));
        }
    });
    s.places.pairs   = read_pair_places(file);
    s.mined          = read_mined(file);
    s.now.lora.scale = float(file.number("train.lora.scale", 0));
    check_places(c);
    read_shapes(file, s.now.lora);
    s.m = s.v = s.now; // shapes
    read_numbers(file, "now.", s.now);
    read_numbers(file, "m.", s.m);
    read_numbers(file, "v.", s.v);
    if (c.options.optimizer.average > 0 && s.step > 0) {
        s.average = s.now;
        read_numbers(file, "average.", s.average);
    }
    if (s.best_step > 0) {
        s.best = s.now;
        read_numbers(file, "best.", s.best);
    }
    std::istringstream lines(file.text("train.history"));
    for (std::string line; std::getline(lines, line);) {
        const train_record r = record_from_json(line);
        if (r.step < 0 || r.step > s.step || r.stage < 0 || r.stage >= int32_t(c.options.stages.size()) || r.tokens < 0 ||
            r.tokens > most_counted) {
            throw error(MAGNET_STATUS_BAD_FILE, "train.history has a step that cannot be: " + line.substr(0, 80));
        }
        s.history.push_back(r);
    }
    return c;
}

checkpoint load_checkpoint(const std::string & path) {
    const gguf_reader file(path, "a training checkpoint");
    if (file.text("general.type") != "checkpoint") {
        throw error(MAGNET_STATUS_BAD_FILE, path + " is not a training checkpoint.");
    }
    if (file.integer("train.version", 0) != checkpoint_version) {
        throw error(MAGNET_STATUS_BAD_FILE, path + " is not a training checkpoint of this version of the library (" +
                                                std::to_string(checkpoint_version) + "). Begin the run anew, without it.");
    }
    try {
        file.check_seal(); // a weight that is another one would be trained on, and saved over the adapter
    } catch (const error & e) {
        throw error(e.status, std::string(e.what()) + " Go on from a whole copy of it, or begin the run anew.");
    }
    try {
        return read_checkpoint(file);
    } catch (const error & e) { // what it holds is nobody's argument
        throw error(e.status == MAGNET_STATUS_INVALID_ARGUMENT ? MAGNET_STATUS_BAD_FILE : e.status,
                    path + " is a damaged checkpoint: " + e.what());
    }
}

} // namespace magnet::train
