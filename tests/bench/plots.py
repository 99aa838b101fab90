"""SVG plots: a panel has a point and its quartiles for each server, and a line at the value they are held against."""

from dataclasses import dataclass
from html import escape

WIDTH = 760
LABELS = 190  # for the names at the left
VALUES = 60  # for the numbers at the right
ROW = 20
HEAD = 44
FOOT = 16
SCALE_SPAN = 1.08
FAR = 2.4  # times the value of the line: what is more is shown at the edge
STYLE = """text { font: 12px sans-serif; fill: #222 } .small { font-size: 11px; fill: #666 }
.title { font-weight: bold } .ground { fill: #fff } .line { stroke: #888; stroke-dasharray: 4 3 }
.range { stroke: #4878a8; stroke-width: 4; stroke-linecap: round } .point { fill: #16324f }
.own .range { stroke: #c8702a } .own .point { fill: #7a3a08 }"""


@dataclass
class Panel:
    title: str
    rows: list  # (name, spread)
    at: float = 1.0  # where the line stands
    digits: int = 2


class Scale:
    """From values to places. One that is far off would leave no room for the others to differ."""

    def __init__(self, panel):
        values = [value for _, found in panel.rows for value in (found.low, found.high)] + [panel.at]
        low, self.high = min(values), max(values)
        if panel.at > 0:
            self.high = min(self.high, FAR * panel.at)
        middle = (low + self.high) / 2
        self.span = max((self.high - low) * SCALE_SPAN, abs(middle) * 0.02, 1e-9)
        self.low = middle - self.span / 2

    def __call__(self, value):
        return LABELS + (min(value, self.high) - self.low) / self.span * (WIDTH - LABELS - VALUES)


def mark(scale, median, y):
    """A point, or an arrow to where it would be."""
    x = scale(median)
    if median > scale.high:
        return f'<path class="point" d="M{x:.1f} {y - 5} l8 5 l-8 5 z"/>'
    return f'<circle class="point" cx="{x:.1f}" cy="{y}" r="4"/>'


def row(scale, name, found, y, digits):
    own = ' class="own"' if name.startswith("iocpnet") else ""
    return [f"<g{own}>",
            f'<text x="{LABELS - 12}" y="{y + 4}" text-anchor="end">{escape(name)}</text>',
            f'<line class="range" x1="{scale(found.low):.1f}" x2="{scale(found.high):.1f}" y1="{y}" y2="{y}"/>',
            mark(scale, found.median, y),
            f'<text x="{WIDTH - 8}" y="{y + 4}" text-anchor="end">{found.median:,.{digits}f}</text>',
            "</g>"]


def panel_lines(panel, top):
    """The panel, and the place below it."""
    scale = Scale(panel)
    below = top + HEAD + ROW * len(panel.rows)
    at = scale(panel.at)
    lines = [f'<text class="title" x="12" y="{top + 18}">{escape(panel.title)}</text>',
             f'<text class="small" x="{at:.1f}" y="{top + 32}" text-anchor="middle">{panel.at:g}</text>',
             f'<line class="line" x1="{at:.1f}" x2="{at:.1f}" y1="{top + 36}" y2="{below - 4}"/>']
    for place, (name, found) in enumerate(panel.rows):
        lines += row(scale, name, found, top + HEAD + ROW * place + 8, panel.digits)
    return lines, below + FOOT


def svg(panels):
    lines, top = [], 8
    for panel in panels:
        more, top = panel_lines(panel, top)
        lines += more
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}">',
            f"<style>{STYLE}</style>", f'<rect class="ground" width="{WIDTH}" height="{top}"/>']
    return "\n".join([*head, *lines, "</svg>"]) + "\n"
