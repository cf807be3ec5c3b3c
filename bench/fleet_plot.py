"""A plot of kernels over time, as an SVG file that is readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 40, 44
COLOURS = ("#4269d0", "#efb118", "#ff725c", "#3ca951", "#a463f2")
"""Five colours that also differ for people who do not see all of them (Observable 10)."""


@dataclass(frozen=True, slots=True)
class Curve:
    """When each kernel was built, in seconds, sorted."""

    name: str
    ends: Sequence[float]


def draw(title: str, curves: Sequence[Curve], ideal: float) -> str:
    """The plot: a curve for each scenario, and a line at the ideal."""
    longest = max(curve.ends[-1] for curve in curves)
    minutes = 10 * (int(longest / 600) + 1)
    most = max(len(curve.ends) for curve in curves)

    def x(seconds: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * seconds / 60 / minutes

    def y(count: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * count / most

    parts = [_text(WIDTH / 2, 22, title, "middle", 15)]
    parts.append(_text(8, TOP - 12, "built", "start"))
    for minute in range(0, minutes + 1, 10):
        parts.append(_line(x(minute * 60), y(0), x(minute * 60), y(most), "#8884"))
        parts.append(_text(x(minute * 60), HEIGHT - BOTTOM + 18, str(minute), "middle"))
    for count in range(0, most + 1, 200):
        parts.append(_line(LEFT, y(count), WIDTH - RIGHT, y(count), "#8884"))
        parts.append(_text(LEFT - 8, y(count) + 4, str(count), "end"))
    parts.append(_text(WIDTH / 2, HEIGHT - 8, "minutes", "middle"))
    parts.append(_line(x(ideal), y(0), x(ideal), y(most), "#888", dashes="6 4"))
    parts.append(_text(x(ideal) + 6, y(most) + 12, "ideal", "start"))
    for number, (curve, colour) in enumerate(zip(curves, COLOURS, strict=True)):
        places = " ".join(
            f"{x(end):.1f},{y(done):.1f}"
            for done, end in enumerate(curve.ends, 1)
            if done % 8 == 0 or done == len(curve.ends)
        )
        parts.append(
            f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        row = y(0) - 18 * (len(curves) - number)
        parts.append(_line(WIDTH - 290, row, WIDTH - 268, row, colour, width=3))
        parts.append(_text(WIDTH - 262, row + 4, curve.name, "start"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="sans-serif" role="img">\n'
        f"<title>{escape(title)}</title>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _text(x: float, y: float, text: str, anchor: str, size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
        f' fill="#777">{escape(text)}</text>'
    )


def _line(
    x1: float, y1: float, x2: float, y2: float, colour: str, *, width: int = 1, dashes: str = ""
) -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"'
        f' stroke-width="{width}"{dashed}/>'
    )
