"""Draws the pictures of the README from what the commands really print.

Run it with ``make screenshots``. Each picture is an SVG without any reference to elsewhere.
"""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
COLUMNS = 98

# What rich fills in is in braces; nothing is fetched from anywhere.
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>{chrome}</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
<rect fill="#16181d" x="1" y="1" width="{width}" height="{height}" rx="8"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve">
{matrix}
</g>
</g>
</svg>
"""


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    draw("demo", "make demo", [sys.executable, "examples/demo/run.py"], after="What that means")
    shop = "app_of_the_readme:app"
    draw(
        "check",
        f"pympler check {shop} --path '/cart/{{n}}' --path '/products/{{n}}' --path /",
        [
            *(sys.executable, "-m", "pympler", "check", shop),
            *("--path", "/cart/{n}", "--path", "/products/{n}", "--path", "/"),
        ],
        folder=ROOT / "docs",
    )
    draw(
        "log",
        "python app_of_the_readme.py",
        [sys.executable, "app_of_the_readme.py"],
        folder=ROOT / "docs",
        around="WARNING",
    )


def draw(
    name: str,
    prompt: str,
    command: Sequence[str],
    *,
    folder: Path = ROOT,
    after: str = "",
    around: str = "",
) -> None:
    """Run a command in a terminal and draw what it printed.

    Args:
        name: of the file.
        prompt: the command as a reader would type it.
        command: the command as it is run.
        folder: where to run it.
        after: leave out what was printed before the line with this text.
        around: draw the line with this text and a few before and after it.
    """
    printed = run_in_terminal(command, folder, quiet=not around)
    if after:
        printed = printed[printed.index(after) :]
        printed = printed[printed.index("\n") + 1 :]
    lines = printed.strip("\n").splitlines()
    if around:
        place = next(number for number, line in enumerate(lines) if around in line)
        lines = lines[max(place - 6, 0) : place + 3]
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ {prompt}", style="bold"), overflow="fold")
    console.print(Text.from_ansi("\n".join(["", *lines])), overflow="fold")
    svg = console.export_svg(title=prompt, code_format=SVG, unique_id=name)
    (IMAGES / f"{name}.svg").write_text(svg, encoding="utf-8")
    print(f"docs/images/{name}.svg")


def run_in_terminal(command: Sequence[str], folder: Path, *, quiet: bool) -> str:
    """What a command prints to a terminal that knows colours but moves no cursor.

    Args:
        command: the command.
        folder: where to run it.
        quiet: leave out the standard error, where progress is shown.
    """
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1"}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL if quiet else theirs,
    )
    os.close(theirs)
    printed = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        printed += chunk
    os.close(ours)
    process.wait()
    return printed.decode().replace("\r\n", "\n")


if __name__ == "__main__":
    main()
