#include "option-words.h"

#include <cctype>
#include <map>
#include <sstream>
#include <string_view>
#include <utility>

namespace magnet_cli {

// Longer ones first, where one is a part of another.
static constexpr std::pair<std::string_view, std::string_view> phrases[] = {
    {"make a session with a larger n_ctx", "give a larger --ctx"},
    {"at most n_ctx", "at most --ctx"},
    {"Raise n_ctx", "Raise --ctx"},
    {"Raise max_tokens", "Raise --max-tokens"},
    {"Truncate it (head or tail)", "Give --truncate head or tail"},
    {"Load the model with check_tensors", "Give --check-tensors"},
    {"use the graph engine", "use --engine graph"},
    {"ORDERED, HYBRID and LEFT", "ordered, hybrid and left"},
    {"this model has LEFT", "this model has left"},
    {"the context FIM", "--context fim"},
    {"the context HYBRID", "--context hybrid"},
    {"the context LEFT", "--context left"},
    {"-1 (physical cores) or in", "in"},
    {"0 (what the model was trained for) or in", "in"},
    {"0 (all that is read) or at most", "at most"},
    {"0 (all) or at most", "at most"},
};

// Fields whose option is their own name with dashes, by the struct that they stand in.
static constexpr std::pair<std::string_view, const char *> groups[] = {
    {"", "adapter checkpoint_every dimensions engine limit mask_token max_tokens pooling recompute resamples scale seed top truncate"},
    {"rows.", "batch keep_base length mask_rate max_spans open_room sentence_share share_causal share_hybrid share_ordered span_max span_min"},
    {"contrast.", "dimensions document_instruction instruction margin mine_margin projection temperature text_share"},
    {"lora.", "alpha dropout rank targets"},
    {"optimizer.", "accumulate average clip learning_rate learning_rate_end warmup weight_decay"},
    {"stages.", "msg mntp sscl steps"},
    {"sampling.", "frequency_penalty min_p penalty_last_n presence_penalty repeat_penalty seed temperature top_k top_p"},
    {"repetition.sampling.", "min_p repeat_penalty temperature top_k top_p"},
    {"infill.", "max_tokens n_gaps room seed span_max span_min until window"},
    {"perplexity.", "window"},
    {"fim.", "path repository"},
    {"ends.", "until"},
    {"candidates.", "n"},
    {"repetition.", "max_tokens prefix_words seed"},
    {"probe.", "l2 train_limit"},
    {"retrieval.", "fusion"},
};

// The others.
static constexpr std::pair<const char *, const char *> renamed[] = {
    {"n_ctx", "--ctx"},
    {"n_threads", "--threads"},
    {"n_gpu_layers", "--gpu-layers"},
    {"contrast.batch", "--pair-batch"},
    {"contrast.length", "--pair-length"},
    {"fim.files", "--extra"},
    {"heldout.rows", "--heldout"},
    {"files.pairs.share", "--pairs: the share"},
    {"files.heldout_pairs.share", "--heldout-pairs: the share"},
    {"heldout.every", "--heldout-every"},
    {"retrieval.cutoffs", "--cutoff"},
    {"sampling.logit_bias.token", "--logit-bias: the token"},
};

static std::map<std::string, std::string> make_table() {
    std::map<std::string, std::string> table(std::begin(renamed), std::end(renamed));
    for (const auto & [group, fields] : groups) {
        std::istringstream names(fields);
        for (std::string name; names >> name;) {
            std::string option = "--" + name;
            for (char & c : option) {
                c = c == '_' ? '-' : c;
            }
            table[std::string(group) + name] = option;
        }
    }
    return table;
}

// "stages[0].steps" -> "stages.steps"
static std::string without_indices(const std::string & word) {
    std::string out;
    bool        inside = false;
    for (const char c : word) {
        inside = inside || c == '[';
        out += inside ? "" : std::string(1, c);
        inside = inside && c != ']';
    }
    return out;
}

static bool is_word_char(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '[' || c == ']';
}

// A field without a dot could be any word: it counts only where the message begins with what its value is.
static std::string option_for(const std::string & text, size_t begin, size_t end) {
    static const std::map<std::string, std::string> table = make_table();
    const bool apart = begin == 0 || text[begin - 1] == ' ' || text[begin - 1] == '(';
    const auto found = table.find(without_indices(text.substr(begin, end - begin)));
    if (!apart || found == table.end()) {
        return "";
    }
    const bool dotted = found->first.find('.') != std::string::npos;
    return dotted || (begin == 0 && text.compare(end, 4, " is ") == 0) ? found->second : "";
}

std::string in_option_words(const std::string & message) {
    std::string text = message;
    for (const auto & [theirs, ours] : phrases) {
        for (size_t at = text.find(theirs); at != std::string::npos; at = text.find(theirs, at + ours.size())) {
            text.replace(at, theirs.size(), ours);
        }
    }
    std::string out;
    for (size_t begin = 0; begin < text.size();) {
        size_t end = begin;
        while (end < text.size() && is_word_char(text[end])) {
            ++end;
        }
        while (end > begin && text[end - 1] == '.') { // of the sentence
            --end;
        }
        const std::string option = option_for(text, begin, end);
        out += option.empty() ? text.substr(begin, end - begin) : option;
        if (end < text.size()) {
            out += text[end];
        }
        begin = end + 1;
    }
    return out;
}

bool blames_option(const std::string & message) {
    return message.compare(0, 2, "--") == 0;
}

} // namespace magnet_cli
