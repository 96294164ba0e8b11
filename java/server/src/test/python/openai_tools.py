"""Calls of tools as OpenAI's own client reads them, whole and streamed; the address of the server is the argument. Fails loudly."""

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="none", max_retries=0)
parameters = {"type": "object", "properties": {"on": {"enum": [True]}}, "required": ["on"], "additionalProperties": False}
request = dict(
    model="any",
    messages=[{"role": "user", "content": "x"}],
    tools=[{"type": "function", "function": {"name": "s", "strict": True, "parameters": parameters}}],
    tool_choice="required",
    temperature=0,
    max_tokens=200,
)

whole = client.chat.completions.create(**request).choices[0]
assert whole.finish_reason == "tool_calls" and whole.message.content is None, whole
assert [(call.function.name, json.loads(call.function.arguments)) for call in whole.message.tool_calls] == [("s", {"on": True})], whole

pieces = list(client.chat.completions.create(**request, stream=True))
calls = [call for piece in pieces for call in piece.choices[0].delta.tool_calls or []]
assert len(calls) > 5 and calls[0].id and calls[0].function.name == "s" and all(call.index == 0 for call in calls), calls
assert all(call.id is None and call.function.name is None for call in calls[1:]), calls
assert json.loads("".join(call.function.arguments for call in calls)) == {"on": True}, calls
assert pieces[-1].choices[0].finish_reason == "tool_calls", pieces[-1]

with client.chat.completions.stream(**request) as stream:  # its own way of putting pieces together
    events = [event.type for event in stream]
    final = stream.get_final_completion().choices[0]
assert "tool_calls.function.arguments.delta" in events and "tool_calls.function.arguments.done" in events, events
assert final.message.tool_calls[0].function.parsed_arguments == {"on": True}, final

turn = request["messages"] + [
    {"role": "assistant", "tool_calls": [call.to_dict() for call in final.message.tool_calls]},
    {"role": "tool", "tool_call_id": final.message.tool_calls[0].id, "content": "done"},
]
assert client.chat.completions.create(**{**request, "messages": turn}).choices[0].message.tool_calls

print("openai", openai.__version__, "as expected")
