"""What the adapter was trained towards, beside what it reached: the table of aims in docs/results.md."""


class Missing(Exception):
    """A figure was not measured."""


class Measured:
    """Figures of the adapter and of the bare model; Missing is raised for one that was not measured."""

    def __init__(self, figures, adapter):
        self.figures, self.name = figures, adapter

    def adapter(self, figure, name):
        return self._value(self.name, figure, name)

    def base(self, figure, name):
        return self._value("base", figure, name)

    def ratio(self, figure, name):
        return self.adapter(figure, name) / self.base(figure, name)

    def better_mask(self, figure):
        return min(self.adapter(figure, f"perplexity.{mask}") for mask in ("hybrid", "ordered"))

    def probe(self, task):
        """Points above the base's better attention, and how many are aimed at: one, or a quarter of the error."""
        adapter, base = (max(of("probe", f"accuracy.{task}.{a}") for a in ("causal", "bidirectional"))
                         for of in (self.adapter, self.base))
        return 100 * (adapter - base), min(1, 25 * (1 - base))

    def _value(self, model, figure, name):
        value = self.figures.value(model, figure, name)
        if value is None:
            raise Missing
        return value


def left_only(figure):
    return figure, "perplexity.left"


# What, the aim, and the figure of a Measured; an aim of None is the figure's second part.
AIMS = [
    ("STS-B dev, bidirectional, last", ">=", 82, lambda m: m.adapter("stsb", "spearman.bidirectional.last")),
    ("SICK dev, bidirectional, last", ">=", 72, lambda m: m.adapter("sick", "spearman.bidirectional.last")),
    ("stories, better mask / base's left only", "<=", 0.6, lambda m: m.better_mask("stories") / m.base(*left_only("stories"))),
    ("stories, better mask / own left only", "<=", 0.85, lambda m: m.better_mask("stories") / m.adapter(*left_only("stories"))),
    ("stories, hybrid / own left only", "<", 1,
     lambda m: m.adapter("stories", "perplexity.hybrid") / m.adapter(*left_only("stories"))),
    ("Gutenberg spans, better mask / base's left only", "<=", 0.75,
     lambda m: m.better_mask("spans-gutenberg") / m.base(*left_only("spans-gutenberg"))),
    ("Wikitext spans, better mask / base's left only", "<=", 0.75,
     lambda m: m.better_mask("spans-wikitext2") / m.base(*left_only("spans-wikitext2"))),
    ("causal perplexity / base's", "<=", 1.03, lambda m: m.ratio("perplexity", "perplexity")),
    ("ARC-easy, points above base", ">=", -1,
     lambda m: 100 * (m.adapter("arc-easy", "accuracy.characters") - m.base("arc-easy", "accuracy.characters"))),
    ("HellaSwag, points above base", ">=", -1,
     lambda m: 100 * (m.adapter("hellaswag", "accuracy.characters") - m.base("hellaswag", "accuracy.characters"))),
    ("Rep-Sen / base's", "<=", 1.25, lambda m: m.ratio("repetition", "rep-sen")),
    ("Rep-4 / base's", "<=", 1.25, lambda m: m.ratio("repetition", "rep-4")),
    ("POS probe, points above base's best", ">=", None, lambda m: m.probe("pos")),
    ("chunk probe, points above base's best", ">=", None, lambda m: m.probe("chunk")),
    ("NER probe, points above base's best", ">=", None, lambda m: m.probe("ner")),
]

REACHED = {">=": lambda value, aim: value >= aim, "<=": lambda value, aim: value <= aim, "<": lambda value, aim: value < aim}


def rows(figures, adapter, missing):
    """Cells: what, the aim, what was measured, whether that reaches it."""
    measured = Measured(figures, adapter)
    for what, sign, aim, figure in AIMS:
        try:
            value = figure(measured)
        except Missing:
            yield [what, missing if aim is None else f"{sign} {aim}", missing, missing]
            continue
        if aim is None:
            value, aim = value
        yield [what, f"{sign} {round(aim, 2)}", f"{value:.3f}", "yes" if REACHED[sign](value, aim) else "no"]
