#include "recipe.h"

#include "base/error.h"
#include "gguf.h"

#include <cstdlib>

namespace magnet {

static const char * const key_version     = "magnet.recipe.version";
static const char * const key_instruction = "magnet.instruction";
static const char * const key_document_instruction = "magnet.document_instruction"; // where it is another one
static const char * const key_pooling     = "magnet.pooling";
static const char * const key_attention   = "magnet.attention";
static const char * const key_context     = "magnet.infill.context";
static const char * const key_token_mask  = "magnet.token.mask";
static const char * const key_token_end   = "magnet.token.end";
static const char * const key_open_room   = "magnet.infill.open_room";

struct named_value {
    const char * name;
    int32_t      value;
};

static const named_value poolings[] = {
    {"last", MAGNET_POOLING_LAST},
    {"mean", MAGNET_POOLING_MEAN},
    {"weighted-mean", MAGNET_POOLING_WEIGHTED_MEAN},
};
static const named_value attentions[] = {
    {"bidirectional", MAGNET_ATTENTION_BIDIRECTIONAL},
    {"causal", MAGNET_ATTENTION_CAUSAL},
};
static const named_value contexts[] = {
    {"hybrid", MAGNET_CONTEXT_HYBRID},
    {"ordered", MAGNET_CONTEXT_ORDERED},
    {"left", MAGNET_CONTEXT_LEFT},
    {"fim", MAGNET_CONTEXT_FIM},
};

// write_recipe() writes it: what was trained is not what would be guessed.
static error missing(const char * key) {
    return error(MAGNET_STATUS_BAD_FILE, std::string(key) + " is missing, and there is a " + key_version + ".");
}

template <size_t N>
static void read_name(const meta_lookup & get, const char * key, const named_value (&values)[N], int32_t & out) {
    std::string text;
    if (!get(key, text)) {
        throw missing(key);
    }
    std::string known;
    for (const named_value & v : values) {
        if (text == v.name) {
            out = v.value;
            return;
        }
        known += (known.empty() ? "" : ", ") + std::string(v.name);
    }
    throw error(MAGNET_STATUS_BAD_FILE, std::string(key) + " is \"" + text + "\"; known are " + known + ".");
}

template <size_t N>
static const char * name_of(int32_t value, const named_value (&values)[N]) {
    for (const named_value & v : values) {
        if (value == v.value) {
            return v.name;
        }
    }
    throw error(MAGNET_STATUS_INVALID_ARGUMENT, "a recipe cannot hold the value " + std::to_string(value) + ".");
}

const char * pooling_name(int32_t pooling) {
    return name_of(pooling, poolings);
}

const char * attention_name(int32_t attention) {
    return name_of(attention, attentions);
}

const char * context_name(int32_t context) {
    return name_of(context, contexts);
}

static void read_integer(const meta_lookup & get, const char * key, int32_t least, int32_t & out) {
    std::string text;
    if (!get(key, text)) {
        return;
    }
    char *     end;
    const long value = std::strtol(text.c_str(), &end, 10);
    if (text.empty() || *end != '\0' || value < least || value > INT32_MAX) {
        throw error(MAGNET_STATUS_BAD_FILE,
                    std::string(key) + " is \"" + text + "\", not a number >= " + std::to_string(least) + ".");
    }
    out = int32_t(value);
}

recipe read_recipe(const meta_lookup & get) {
    recipe r;
    read_integer(get, key_version, 0, r.version);
    if (r.version > recipe_version) {
        throw error(MAGNET_STATUS_UNSUPPORTED, "the recipe has version " + std::to_string(r.version) +
                                                   ", this library knows up to " + std::to_string(recipe_version) +
                                                   "; use a newer one.");
    }
    std::string unused;
    if (r.version <= 0 && get(key_pooling, unused)) {
        throw error(MAGNET_STATUS_BAD_FILE, std::string(key_version) + " is missing or 0, and there is a " + key_pooling + ".");
    }
    if (r.version <= 0) {
        return recipe();
    }
    if (!get(key_instruction, r.instruction)) {
        throw missing(key_instruction);
    }
    r.document_instruction = r.instruction;
    get(key_document_instruction, r.document_instruction);
    read_name(get, key_pooling, poolings, r.pooling);
    read_name(get, key_attention, attentions, r.attention);
    read_name(get, key_context, contexts, r.context);
    read_integer(get, key_token_mask, -1, r.token_mask);
    read_integer(get, key_token_end, -1, r.token_end);
    read_integer(get, key_open_room, 0, r.open_room);
    return r;
}

recipe read_recipe(const std::string & file, const meta_lookup & get) {
    try {
        return read_recipe(get);
    } catch (const error & e) {
        throw error(e.status, file + ": " + e.what());
    }
}

meta_lookup lookup_of(const gguf_context * meta) {
    return [meta](const std::string & key, std::string & value) {
        const int64_t id = gguf_find_key(meta, key.c_str());
        if (id < 0) {
            return false;
        }
        const gguf_type type     = gguf_get_kv_type(meta, id);
        const bool      is_texts = key != key_version && key != key_token_mask && key != key_token_end && key != key_open_room;
        if (is_texts != (type == GGUF_TYPE_STRING)) {
            throw error(MAGNET_STATUS_BAD_FILE, key + " is " + (is_texts ? "no text." : "a text, not a number."));
        }
        switch (type) {
            case GGUF_TYPE_STRING:
                value = gguf_get_val_str(meta, id);
                return true;
            case GGUF_TYPE_UINT32:
                value = std::to_string(gguf_get_val_u32(meta, id));
                return true;
            case GGUF_TYPE_INT32:
                value = std::to_string(gguf_get_val_i32(meta, id));
                return true;
            default:
                throw error(MAGNET_STATUS_BAD_FILE, key + " has an unexpected type.");
        }
    };
}

void write_recipe(const recipe & r, gguf_context * meta) {
    gguf_set_val_u32(meta, key_version, uint32_t(recipe_version));
    gguf_set_val_str(meta, key_instruction, r.instruction.c_str());
    if (r.document_instruction != r.instruction) {
        gguf_set_val_str(meta, key_document_instruction, r.document_instruction.c_str());
    }
    gguf_set_val_str(meta, key_pooling, pooling_name(r.pooling));
    gguf_set_val_str(meta, key_attention, attention_name(r.attention));
    gguf_set_val_str(meta, key_context, context_name(r.context));
    gguf_set_val_i32(meta, key_token_mask, r.token_mask);
    gguf_set_val_i32(meta, key_token_end, r.token_end);
    gguf_set_val_i32(meta, key_open_room, r.open_room);
}

} // namespace magnet
