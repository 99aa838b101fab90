"""Tables, as text for a terminal and as Markdown."""

from dataclasses import dataclass


@dataclass
class Table:
    title: str
    head: list
    rows: list

    def widths(self):
        return [max(len(str(row[column])) for row in [self.head, *self.rows]) for column in range(len(self.head))]

    def aligned(self, row):
        """The first column is text, the others are numbers."""
        first, *others = [str(cell) for cell in row]
        width, *widths = self.widths()
        return [first.ljust(width), *[cell.rjust(w) for cell, w in zip(others, widths)]]

    def text(self):
        lines = ["  ".join(self.aligned(row)).rstrip() for row in [self.head, *self.rows]]
        return "\n".join([self.title, *lines])

    def markdown(self):
        rule = ["-" * width for width in self.widths()]
        rule = [rule[0], *[dashes[:-1] + ":" for dashes in rule[1:]]]
        rows = [self.aligned(self.head), rule, *[self.aligned(row) for row in self.rows]]
        return "\n".join([f"### {self.title}", "", *["| " + " | ".join(row) + " |" for row in rows]])


def whole(number):
    return f"{number:,.0f}"


def microseconds(number):
    return f"{number:,.1f}"


def ratio(found):
    return f"{found.median:.3f}"


def quartiles(found):
    return f"{found.low:.3f} to {found.high:.3f}"


def percent(found):
    """The quartile range as a part of the median."""
    return f"{100 * (found.high - found.low) / found.median:.1f} %" if found.median else "-"
