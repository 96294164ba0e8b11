// A conversation as the prompt that the model's own chat template makes of it.
#pragma once

#include "magnet.h"

#include <string>
#include <utility>
#include <vector>

namespace magnet {

// A piece of a prompt, and where it is from: control tokens are read in what the template wrote, not in what was given.
struct prompt_part {
    bool        given = false;
    std::string text;
};

struct chat_template {
    std::string                                      source;    // Jinja
    std::vector<std::pair<std::string, std::string>> variables; // bos_token and its like
};

// As Hugging Face's apply_chat_template: messages, tools, add_generation_prompt, raise_exception, strftime_now. tools: JSON, or
// null. The texts are checked already, not the JSON. Throws INVALID_ARGUMENT with the template's own words where it refuses the
// messages, where tools or calls are none, and where it is no Jinja or runs for too long; UNSUPPORTED where it needs what the
// engine does not have, and where it does not speak of tools.
std::vector<prompt_part> render_chat(const chat_template & how, const magnet_message * messages, int32_t n_messages,
                                     const char * tools, bool add_assistant);

std::string joined(const std::vector<prompt_part> & parts);

} // namespace magnet
