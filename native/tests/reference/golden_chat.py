"""Prompts that Hugging Face's apply_chat_template makes of ten conversations with each template in ../data/chat.

    python golden_chat.py ../data/chat ../golden

Writes chat.json: {"bos_token", "eos_token", "cases": [{"template", "messages", "add_generation_prompt", and "prompt" or
"error" (what the template raised)}]}. Needs transformers and jinja2, no torch. Where a template asks for the date, the
prompt has "<now FORMAT>", which the test replaces.
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


class Clock:
    """Stands for datetime in transformers."""

    @staticmethod
    def now():
        return Clock()

    def strftime(self, form):
        return f"<now {form}>"


def render(source, messages, add_generation_prompt):
    case = {"messages": messages, "add_generation_prompt": add_generation_prompt}
    try:
        rendered, _ = chat_template_utils.render_jinja_template(
            conversations=[messages], chat_template=source, add_generation_prompt=add_generation_prompt, **TOKENS)
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
    with open(pathlib.Path(golden) / "chat.json", "w", encoding="utf-8") as file:
        lines = ",\n".join(json.dumps(case) for case in cases)
        file.write(f'{json.dumps(TOKENS)[:-1]}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main(*sys.argv[1:])
