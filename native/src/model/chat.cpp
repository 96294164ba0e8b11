#include "chat.h"

#include "base/error.h"
#include "base/stack.h"
#include "base/text.h"
#include "base/utf8.h"
#include "llama/magnet-jinja.h"

#include "tools.h"

#include "json.h"
#include "jinja/lexer.h"
#include "jinja/parser.h"
#include "jinja/runtime.h"

#include <algorithm>
#include <cctype>

namespace magnet {

namespace {

jinja::value text_value(const std::string & text, bool given) {
    return jinja::mk_val<jinja::value_string>(jinja::string(text, given));
}

// A template builds control tokens from roles ('<|' + role + '|>'), so a role that is a plain word counts as the
// template's own text.
bool is_word(const std::string & role) {
    return std::all_of(role.begin(), role.end(), [](unsigned char c) { return isalnum(c) || c == '_' || c == '-'; });
}

// Of JSON that was given: its texts are no control tokens.
jinja::value json_value(const nlohmann::ordered_json & json) {
    jinja::context      holder;
    const common_json   given = common_json::parse(json.dump());
    jinja::global_from_json(holder, common_json::object({{"value", given}}), true);
    return holder.get_val("value");
}

jinja::value messages_value(const magnet_message * messages, int32_t n_messages) {
    auto list = jinja::mk_val<jinja::value_array>();
    for (int32_t i = 0; i < n_messages; ++i) {
        const std::string role    = messages[i].role;
        auto              message = jinja::mk_val<jinja::value_object>();
        message->insert("role", text_value(role, !is_word(role)));
        message->insert("content", text_value(std::string(checked_text(messages[i].content, "a message")), true));
        if (messages[i].tool_calls) {
            message->insert("tool_calls", json_value(parsed_tool_calls(messages[i].tool_calls, "message " + std::to_string(i))));
        }
        if (messages[i].tool_call_id) {
            message->insert("tool_call_id", text_value(messages[i].tool_call_id, true));
        }
        list->push_back(message);
    }
    return list;
}

// A template may quote all of a message.
std::string shortened(const std::string & words) {
    constexpr size_t most = 500; // bytes
    return words.size() <= most ? words : utf8_repair(words.substr(0, most)) + "…";
}

// The engine wraps what it says in a picture of the place. What it says stands behind the last "Error: ", and what the
// template itself says behind "Jinja Exception: ".
[[noreturn]] void throw_template_error(const std::string & what) {
    static const std::string said = "Jinja Exception: ", inner = "Error: ", place = "While executing ";
    const size_t             own = what.rfind(said);
    if (own != std::string::npos) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "the model's chat template refuses these messages: " +
                                                        shortened(what.substr(own + said.size())));
    }
    const size_t reason = what.rfind(inner), where = what.find(" at line ");
    std::string  text   = reason == std::string::npos ? what : what.substr(reason + inner.size());
    text                = shortened(text.substr(0, text.find('\n')));
    if (what.find(place) != std::string::npos && where != std::string::npos) {
        text += " (" + what.substr(where + 1, what.find(" in source", where) - where - 1) + " of the template)";
    }
    throw error(MAGNET_STATUS_INVALID_ARGUMENT, "the model's chat template cannot be followed: " + text +
                                                    ". Write the prompt yourself.");
}

std::vector<prompt_part> render(const chat_template & how, const magnet_message * messages, int32_t n_messages,
                                const char * tools, bool add_assistant) {
    magnet_jinja_work::begin();
    const jinja::program program = jinja::parse_from_tokens(jinja::lexer().tokenize(how.source));
    jinja::context       context(how.source);
    for (const auto & [name, text] : how.variables) {
        context.set_val(name, text_value(text, false));
    }
    context.set_val("messages", messages_value(messages, n_messages));
    context.set_val("add_generation_prompt", jinja::mk_val<jinja::value_bool>(add_assistant));
    context.set_val("tools", tools ? json_value(parsed_tools(tools)) : jinja::mk_val<jinja::value_none>());
    context.set_val("documents", jinja::mk_val<jinja::value_none>());

    const jinja::value_string text = jinja::runtime::gather_string_parts(jinja::runtime(context).execute(program));
    std::vector<prompt_part>  parts;
    for (const jinja::string_part & part : text->val_str.parts) {
        parts.push_back({ part.is_input, part.val });
    }
    return parts;
}

} // namespace

std::vector<prompt_part> render_chat(const chat_template & how, const magnet_message * messages, int32_t n_messages,
                                     const char * tools, bool add_assistant) {
    if (tools) {
        tool_format_of(how.source);
    }
    if (how.source.size() > magnet_jinja_limits::source) {
        throw error(MAGNET_STATUS_UNSUPPORTED, "the model's chat template has " + std::to_string(how.source.size()) +
                                                   " bytes; at most " + std::to_string(magnet_jinja_limits::source) +
                                                   " are read. Write the prompt yourself.");
    }
    std::vector<prompt_part> parts;
    with_stack(magnet_jinja_limits::stack, [&] {
        try {
            parts = render(how, messages, n_messages, tools, add_assistant);
        } catch (const error &) {
            throw;
        } catch (const jinja::not_implemented_exception & e) {
            throw error(MAGNET_STATUS_UNSUPPORTED, "the model's chat template needs what is not there (" +
                                                       std::string(e.what()) + "). Write the prompt yourself.");
        } catch (const std::bad_alloc &) {
            throw;
        } catch (const std::exception & e) {
            throw_template_error(e.what());
        }
    });
    return parts;
}

std::string joined(const std::vector<prompt_part> & parts) {
    std::string text;
    for (const prompt_part & part : parts) {
        text += part.text;
    }
    return text;
}

} // namespace magnet
