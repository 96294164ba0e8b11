"""Gives what some object files define other names: suffix-symbols.py SUFFIX FOLDER OBJECT...

The same sources compiled for several instruction sets can be linked into one library then. Everything that one of the
objects defines for others gets the suffix, also what a linker would merge with another library's copy (inline functions
and templates of the standard library): merged, one copy for one instruction set would run on every CPU. References to
what they define follow. FOLDER receives copies with the names of the objects; the originals stay.

Reads relocatable ELF, COFF and Mach-O of 64 bits, and only makes their string tables longer.
"""
import pathlib
import struct
import sys


class Elf:
    def __init__(self, data):
        self.data = data
        shoff, = struct.unpack_from("<Q", data, 40)
        size, count = struct.unpack_from("<HH", data, 58)
        self.headers = [shoff + i * size for i in range(count)]
        table = [h for h in self.headers if struct.unpack_from("<I", data, h + 4)[0] == 2]  # SHT_SYMTAB
        self.symbols, self.n = 0, 0
        if table:
            offset, length = struct.unpack_from("<QQ", data, table[0] + 24)
            self.strings = self.headers[struct.unpack_from("<I", data, table[0] + 40)[0]]
            self.symbols, self.n = offset, length // 24
            self.text, self.length = struct.unpack_from("<QQ", data, self.strings + 24)

    def names(self):
        """(position, name, whether it is defined here) of each symbol that other files see"""
        for i in range(self.n):
            at = self.symbols + 24 * i
            name, info, _, section = struct.unpack_from("<IBBH", self.data, at)
            if info >> 4:  # not STB_LOCAL
                yield at, read(self.data, self.text + name), section != 0

    def rename(self, names):
        strings = bytearray(self.data[self.text:self.text + self.length])
        for at, name in names:
            struct.pack_into("<I", self.data, at, len(strings))
            strings += name.encode() + b"\0"
        if names:
            struct.pack_into("<QQ", self.data, self.strings + 24, len(self.data), len(strings))
            self.data += strings


class Coff:
    def __init__(self, data):
        self.data = data
        self.symbols, self.n = struct.unpack_from("<II", data, 8)
        self.text = self.symbols + 18 * self.n

    def names(self):
        i = 0
        while i < self.n:
            at = self.symbols + 18 * i
            zero, offset = struct.unpack_from("<II", self.data, at)
            name = read(self.data, self.text + offset) if zero == 0 else self.data[at:at + 8].rstrip(b"\0").decode()
            value, section, _, kind, more = struct.unpack_from("<IhHBB", self.data, at + 8)
            if kind in (2, 105):  # external, weak external
                yield at, name, section != 0 or kind == 105 or value != 0
            i += 1 + more

    def rename(self, names):
        for at, name in names:
            struct.pack_into("<II", self.data, at, 0, len(self.data) - self.text)
            self.data += name.encode() + b"\0"
        struct.pack_into("<I", self.data, self.text, len(self.data) - self.text)


class MachO:
    def __init__(self, data):
        self.data = data
        self.symbols, self.n, self.text, self.length = 0, 0, 0, 0  # an object that defines nothing may have no table
        commands, = struct.unpack_from("<I", data, 16)
        at = 32
        for _ in range(commands):
            command, size = struct.unpack_from("<II", data, at)
            if command == 2:  # LC_SYMTAB
                self.command = at
                self.symbols, self.n, self.text, self.length = struct.unpack_from("<IIII", data, at + 8)
            at += size

    def names(self):
        for i in range(self.n):
            at = self.symbols + 16 * i
            name, kind = struct.unpack_from("<IB", self.data, at)
            if kind & 1 and not kind & 0xE0:  # N_EXT, no debug information
                yield at, read(self.data, self.text + name), kind & 0x0E != 0

    def rename(self, names):
        strings = bytearray(self.data[self.text:self.text + self.length])
        for at, name in names:
            struct.pack_into("<I", self.data, at, len(strings))
            strings += name.encode() + b"\0"
        if names:
            struct.pack_into("<II", self.data, self.command + 16, len(self.data), len(strings))
            self.data += strings


def read(data, at):
    return data[at:data.index(b"\0", at)].decode()


def parse(path):
    data = bytearray(path.read_bytes())
    if data[:6] == b"\x7fELF\x02\x01":
        return Elf(data)
    if data[:4] == b"\xcf\xfa\xed\xfe":
        return MachO(data)
    if data[:2] in (b"\x64\x86", b"\x64\xaa"):
        return Coff(data)
    sys.exit(f"{path} is no object file of a 64-bit platform")


def main():
    suffix, folder, *paths = sys.argv[1:]
    paths = [pathlib.Path(p) for p in paths]
    objects = [parse(p) for p in paths]
    defined = {name for o in objects for _, name, here in o.names() if here}
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for path, o in zip(paths, objects):
        o.rename([(at, name + suffix) for at, name, _ in o.names() if name in defined])
        (folder / path.name).write_bytes(o.data)


main()
