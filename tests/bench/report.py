"""What a goal has to say, printed and written."""

import re
from dataclasses import dataclass, field

import plots


@dataclass
class Report:
    tables: list = field(default_factory=list)
    verdicts: list = field(default_factory=list)
    remarks: list = field(default_factory=list)
    panels: list = field(default_factory=list)  # of the plot

    def add(self, table):
        """Printed at once: a goal takes minutes."""
        self.tables.append(table)
        print(table.text() + "\n", flush=True)

    def remark(self, text):
        self.remarks.append(text)
        print(text + "\n", flush=True)


def heading(goal):
    return goal.TITLE[0].upper() + goal.TITLE[1:]


def page(goal, report, facts, command, has_plot):
    """The Markdown of a goal."""
    parts = [f"# {heading(goal)}", goal.ABOUT.strip(), "Run with `" + command + "`.", "## Verdicts",
             "\n".join("- " + verdict.line() for verdict in report.verdicts)]
    parts += ["## Figures"] + ([f"![{heading(goal)}]({goal.NAME}.svg)"] if has_plot else [])
    parts += [table.markdown() for table in report.tables]
    parts += ["## Remarks", "\n".join("- " + text for text in report.remarks)] if report.remarks else []
    parts += ["## Machine", "\n".join("- " + fact for fact in facts)]
    return "\n\n".join(parts) + "\n"


def write(folder, goal, report, facts, command):
    folder.mkdir(parents=True, exist_ok=True)
    if report.panels:
        (folder / f"{goal.NAME}.svg").write_text(plots.svg(report.panels), encoding="utf-8")
    text = page(goal, report, facts, command, bool(report.panels))
    (folder / f"{goal.NAME}.md").write_text(text, encoding="utf-8")


def outcomes(text):
    """What the verdicts of a page add up to."""
    found = re.findall(r"^- (goal met|goal not met|too noisy): ", text, re.MULTILINE)
    return ", ".join(f"{found.count(each)} {each}" for each in ("goal met", "goal not met", "too noisy")
                     if each in found)


def write_index(folder):
    """A list of all pages, those of runs with a name after the others."""
    lines = ["# Figures", "", "What was measured, goal by goal. [How](../performance.md).", "",
             "| run | goal | verdicts |", "| --- | --- | --- |"]
    pages = [path for path in folder.rglob("*.md") if path.name != "README.md"]
    for path in sorted(pages, key=lambda each: (len(each.relative_to(folder).parts), each)):
        text = path.read_text(encoding="utf-8")
        place = path.relative_to(folder)
        run = place.parts[0] if len(place.parts) > 1 else "latest"
        lines.append(f"| {run} | [{text.splitlines()[0][2:]}]({place}) | {outcomes(text)} |")
    (folder / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
