"""Prompts that Hugging Face's apply_chat_template makes of ten conversations with each template in ../data/chat, and of five
with tools with the templates that know tools.

    python golden_chat.py ../data/chat ../golden

Writes chat.json: {"bos_token", "eos_token", "cases": [{"template", "messages", "add_generation_prompt", and "prompt" or
"error" (what the template raised)}]}, and tools.json, whose cases have "tools" too. Needs transformers and jinja2, no torch.
Where a template asks for the date, the prompt has "<now FORMAT>", which the test replaces.
"""
import json
import pathlib
import sys

import jinja2
from transformers.utils import chat_template_utils

TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


def turns(*contents, system=None):
    roles = ["user", "assistant"]
    messages = [] if system is None else [{"role": "system", "content": system}]
    return messages + [{"role": roles[i % 2], "content": content} for i, content in enumerate(contents)]


CONVERSATIONS = [
    turns("Why is the sky blue?"),
    turns("Hello", system="You are brief."),
    turns(system="Only a system message."),
    turns("One", "Two", "Three", "Four", "Five"),
    turns("Bonjour", "Salut", "Ça va ?", system="Réponds en français. \u00a0"),
    turns("  \u00a0\u3000 space around, also of other scripts \u2003\n\n", "\tand here\r\n ", "x"),
    turns("", "", ""),
    turns("{{ 1 + 1 }} {% if x %} {# no #} 'quoted' \"twice\" \\n <|im_end|> [INST] <s>", "a\x00b", "😀 e\u0301 日本語"),
    [{"role": "user", "content": "two"}, {"role": "user", "content": "in a row"}],
    [{"role": "assistant", "content": "first"}, {"role": "user", "content": "second"},
     {"role": "tool", "content": "third"}],
]


WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather of a place, in \"degrees\" <|im_end|> \u00e9 & <b>",
    "parameters": {"type": "object", "properties": {
        "place": {"type": "string", "description": "City, country"}, "unit": {"type": "string", "enum": ["C", "F"]},
        "days": {"type": "integer", "minimum": 1, "default": 3}, "detailed": {"type": "boolean", "default": False}},
        "required": ["place"]}}}
CLOCK = {"type": "function", "function": {"name": "now", "description": "The time.",
                                          "parameters": {"type": "object", "properties": {}}}}


def call(name, arguments, number=0):
    return {"id": f"abcdefgh{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


CALLED = [{"role": "user", "content": "Weather in Paris?"},
          {"role": "assistant", "content": "",
           "tool_calls": [call("get_weather", {"place": "Paris, \u00cele-de-France", "days": 2, "detailed": True})]},
          {"role": "tool", "content": "{\"temperature\": 21.5}", "tool_call_id": "abcdefgh0"}]
TOOL_CONVERSATIONS = [
    (turns("What time is it?"), [CLOCK]),
    (turns("Weather in Paris?", system="You are brief."), [WEATHER, CLOCK]),
    (CALLED, [WEATHER]),
    (CALLED + [{"role": "assistant", "content": "21.5 degrees."}, {"role": "user", "content": "And now?"}],
     [WEATHER, CLOCK]),
    (CALLED[:1] + [CALLED[1] | {"tool_calls": [call("now", {}, 1), call("get_weather", {"place": "Rome"}, 2)]},
                   {"role": "tool", "content": "noon", "tool_call_id": "abcdefgh1"},
                   {"role": "tool", "content": "sunny", "tool_call_id": "abcdefgh2"}], [WEATHER, CLOCK]),
]
TOOL_TEMPLATES = ["llama-3.2.jinja", "mistral-nemo.jinja", "qwen2.5.jinja", "qwen3-coder.jinja"]


class Clock:
    """Stands for datetime in transformers."""

    @staticmethod
    def now():
        return Clock()

    def strftime(self, form):
        return f"<now {form}>"


def render(source, messages, add_generation_prompt, tools=None):
    case = {"messages": messages, "add_generation_prompt": add_generation_prompt}
    if tools:
        case["tools"] = tools
    try:
        rendered, _ = chat_template_utils.render_jinja_template(
            conversations=[messages], chat_template=source, tools=tools, add_generation_prompt=add_generation_prompt, **TOKENS)
        case["prompt"] = rendered[0]
    except jinja2.exceptions.TemplateError as error:
        case["error"] = str(error)
    return case


def main(templates, golden):
    chat_template_utils.datetime = Clock
    cases = []
    for path in sorted(pathlib.Path(templates).glob("*.jinja")):
        for messages in CONVERSATIONS:
            for add_generation_prompt in (True, False):
                cases.append({"template": path.name} | render(path.read_text("utf-8"), messages, add_generation_prompt))
    write(golden, "chat.json", cases)
    write(golden, "tools.json",
          [{"template": name} | render((pathlib.Path(templates) / name).read_text("utf-8"), messages, True, tools)
           for name in TOOL_TEMPLATES for messages, tools in TOOL_CONVERSATIONS])


def write(golden, name, cases):
    with open(pathlib.Path(golden) / name, "w", encoding="utf-8") as file:
        lines = ",\n".join(json.dumps(case) for case in cases)
        file.write(f'{json.dumps(TOKENS)[:-1]}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main(*sys.argv[1:])
