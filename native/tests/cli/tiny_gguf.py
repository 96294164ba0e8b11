"""As much of the GGUF format as it takes to give a model other names of tokens, or a file other metadata."""

import struct

NUMBER, TEXT, LIST = 4, 8, 9
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
ALIGNMENT = 32


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 24
        self.tensors, self.keys = struct.unpack_from("<QQ", data, 8)

    def number(self, form):
        [value] = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self):
        size = self.number("Q")
        self.at += size
        return self.data[self.at - size:self.at]

    def value(self, kind):
        """Goes over it."""
        if kind == TEXT:
            self.text()
        elif kind == LIST:
            inner, count = self.number("I"), self.number("Q")
            for _ in range(count):
                self.value(inner)
        else:
            self.at += SIZES[kind]

    def tensor(self):
        self.text()
        dimensions = self.number("I")
        self.at += 8 * dimensions + 4 + 8


def text(value):
    utf8 = value.encode()
    return struct.pack("<Q", len(utf8)) + utf8


def changed(path, tokens=(), **metadata):
    """The bytes of a GGUF file whose first tokens have these names, with other metadata (dots are written __)."""
    data = path.read_bytes()
    read = Reader(data)
    keys, replaced = [], {name.replace("__", ".").encode() for name in metadata}
    for _ in range(read.keys):
        begin = read.at
        name, kind = read.text(), read.number("I")
        value = read.at
        read.value(kind)
        if name in replaced:
            continue
        keys.append(data[begin:read.at])
        if name == b"tokenizer.ggml.tokens" and tokens:
            end = read.at
            read.at = value + 12
            first = read.at
            for _ in tokens:
                read.text()
            keys[-1] = data[begin:first] + b"".join(map(text, tokens)) + data[read.at:end]
            read.at = end
    for name, value in metadata.items():
        kind, raw = (TEXT, text(value)) if isinstance(value, str) else (NUMBER, struct.pack("<I", value))
        keys.append(text(name.replace("__", ".")) + struct.pack("<I", kind) + raw)
    begin = read.at
    for _ in range(read.tensors):
        read.tensor()
    header = data[:16] + struct.pack("<Q", len(keys)) + b"".join(keys) + data[begin:read.at]
    return header + bytes(-len(header) % ALIGNMENT) + data[read.at + -read.at % ALIGNMENT:]
