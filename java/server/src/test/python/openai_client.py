"""What a program does with OpenAI's own client; the address of the server is the argument. Fails loudly."""

import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="none", max_retries=0)
model = client.models.list().data[0].id

# The client asks for base64 unless told otherwise.
vectors = [item.embedding for item in client.embeddings.create(model=model, input=["a cat", "a dog"]).data]
plain = client.embeddings.create(model=model, input="a cat", encoding_format="float").data[0].embedding
assert len(vectors) == 2 and max(abs(a - b) for a, b in zip(vectors[0], plain)) < 1e-6
assert len(client.embeddings.create(model=model, input="a cat", dimensions=16).data[0].embedding) == 16

chat = dict(model=model, messages=[{"role": "user", "content": "Name a colour."}], temperature=0, max_tokens=12, seed=1)
answer = client.chat.completions.create(**chat, logprobs=True, top_logprobs=2)
assert answer.choices[0].finish_reason in ("stop", "length") and answer.usage.completion_tokens > 0
assert len(answer.choices[0].logprobs.content[0].top_logprobs) == 2
pieces = list(client.chat.completions.create(**chat, stream=True, stream_options={"include_usage": True}))
text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
assert text == answer.choices[0].message.content, (text, answer.choices[0].message.content)
assert pieces[-1].usage.completion_tokens == answer.usage.completion_tokens

gap = dict(model=model, prompt="Tom lost his keys. ", suffix=" At last he could sleep in his own bed.", max_tokens=12)
filled = client.completions.create(**gap).choices[0].text
assert filled and filled == "".join(piece.choices[0].text for piece in client.completions.create(**gap, stream=True))

try:
    client.completions.create(model=model, prompt="a", temperature=-1)
    raise AssertionError("a temperature below 0 is taken")
except openai.BadRequestError as e:
    assert e.param == "temperature" and "temperature" in e.message, e

with client.chat.completions.create(**{**chat, "max_tokens": 1000}, stream=True) as stream:
    next(iter(stream))  # and goes

print("openai", openai.__version__, "as expected")
