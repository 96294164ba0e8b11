// A model with a chat template of the test's, and prompts of a day.
#pragma once

#include "api.h"
#include "gguf_file.h"

#include "gguf.h"

#include <ctime>

namespace magnet::testing {

// Control tokens 0 to 2 are <|im_start|>, <|im_end|> and <|user|>; every byte is a token.
inline model_ptr chat_model(const std::string & source) {
    static int        n    = 0; // a file each: Windows lets nobody write over one that a model was loaded from
    const std::string path = scratch_path("chat-" + std::to_string(n++) + ".gguf");
    copy_gguf(golden("tiny-qwen2.gguf"), path, [&](gguf_context * gguf) {
        gguf_set_val_str(gguf, "tokenizer.chat_template", source.c_str());
        const int64_t            key = gguf_find_key(gguf, "tokenizer.ggml.tokens");
        std::vector<std::string> tokens = {"<|im_start|>", "<|im_end|>", "<|user|>"};
        for (size_t i = tokens.size(); i < gguf_get_arr_n(gguf, key); ++i) {
            tokens.push_back(gguf_get_arr_str(gguf, key, i));
        }
        std::vector<const char *> list;
        for (const std::string & token : tokens) {
            list.push_back(token.c_str());
        }
        gguf_set_arr_str(gguf, "tokenizer.ggml.tokens", list.data(), list.size());
    });
    return load_model(path);
}

// "<now FORMAT>" of the golden prompts, as of today.
inline std::string with_date(std::string prompt) {
    const std::string begin = "<now ";
    for (size_t at = 0; (at = prompt.find(begin)) != std::string::npos;) {
        const size_t      end    = prompt.find('>', at);
        const std::string format = prompt.substr(at + begin.size(), end - at - begin.size());
        const std::time_t now    = std::time(nullptr);
        char              date[100];
        std::strftime(date, sizeof(date), format.c_str(), std::localtime(&now));
        prompt.replace(at, end + 1 - at, date);
    }
    return prompt;
}

} // namespace magnet::testing
