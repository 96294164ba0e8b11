"""A text with gaps as one row: tokens, roles and positions."""
from dataclasses import dataclass

from model import CONTEXT, ORDERED, SPAN

MODES = ("causal", "bidirectional", "hybrid", "ordered")


@dataclass
class Row:
    """One text of T tokens in reading order."""

    tokens: list
    roles: list
    positions: list
    gaps: list  # [begin, end) of each gap, as indices into tokens

    @property
    def predicted(self):
        """Indices of the gaps' tokens; the one at l is predicted by the output at l - 1."""
        return [l for begin, end in self.gaps for l in range(begin, end)]


def fill(parts, mode, slack=None):
    """The row of a text whose gaps are filled with what is to be predicted.

    parts: token lists, text and gap in turn (text, gap, text, ...); the first is text of at least one token.
    mode: causal (all SPAN), bidirectional (all CONTEXT), hybrid (CONTEXT around SPAN) or ordered (ORDERED around SPAN,
    where the last token left of a gap is SPAN, so that it sees the right side before it predicts).
    slack: positions left free behind each gap, so that what follows starts that much later; none by default.
    """
    text_role = {"causal": SPAN, "bidirectional": CONTEXT, "hybrid": CONTEXT, "ordered": ORDERED}[mode]
    gap_role = CONTEXT if mode == "bidirectional" else SPAN
    row = Row([], [], [], [])
    position = 0
    for i, part in enumerate(parts):
        begin, is_gap = len(row.tokens), i % 2 == 1
        row.tokens += part
        row.roles += [gap_role if is_gap else text_role] * len(part)
        row.positions += range(position, position + len(part))
        position += len(part)
        if is_gap:
            row.gaps.append([begin, begin + len(part)])
            position += slack[i // 2] if slack else 0
            if mode == "ordered":
                row.roles[begin - 1] = SPAN
    return row
