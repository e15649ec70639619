"""How fast and how well a personal reward learns the hidden tastes of simulated people.

`python -m tests.bench.personal --pairs DIR` takes strips of a folder that `prefpaint-train pairs`
made, `--out FILE` says where the picture of the learning curves goes.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import isotonic_regression, minimize

from tests.bench.people import Floats, Strips, accept, answer, read_strips, strip_of, tastes
from training.preferences.records import JudgedStrip
from training.reward.appearance import FEATURE_SIZE
from training.reward.asking import MOST_CARDS, most_telling
from training.reward.personal import PersonalReward, learn

PEOPLE = 24
CLICKS = (0, 5, 10, 20, 50, 100)
ASKED = tuple(range(0, 101, 5))
WAYS = ("random pairs", "random fours", "asking well")
"""Random fours tell how much of asking well is in the form of its question alone."""
HELD_OUT = 150
EVIDENCE, UPDATES = 1000, 40
Curves = dict[str, dict[str, list[list[float]]]]
"""Taste, then way of ordering, then for each person the agreement after so many clicks."""


def main(pairs: Path | None = None, out: Path | None = None, people: int = PEOPLE) -> None:
    """Print agreements and times, and draw the curves."""
    strips = read_strips(pairs)
    n, k = strips.rewards.shape
    print(f"{n} strips of {k} fills, {HELD_OUT} held out; {people} people a taste, 10 % noise")
    curves = learning(strips, people)
    print_learning(curves)
    asked = asking(strips, people)
    print_asking(asked)
    times(strips)
    out = out or Path(tempfile.gettempdir()) / "prefpaint-bench" / "personal.png"
    draw(curves, asked, out)
    print(f"curves: {out}")


def learning(strips: Strips, people: int) -> Curves:
    """Each person accepts the best of strip after strip."""
    curves: Curves = {}
    for person in range(people):
        rng = np.random.default_rng([1, person])
        order = rng.permutation(len(strips.rewards))
        shown, held = order[HELD_OUT:][: CLICKS[-1]], order[:HELD_OUT]
        for name, utilities in tastes(strips, rng).items():
            said = [strip_of(strips, i, accept(utilities[i], rng)) for i in shown]
            found = curves.setdefault(name, {"general": [], "personal": [], "logistic": []})
            favourites = utilities[held].argmax(axis=1)
            general = agreement(strips.rewards[held], favourites)
            found["general"].append([general] * len(CLICKS))
            found["personal"].append(
                [
                    agreement(personal_rewards(learn(said[:c]), strips, held), favourites)
                    for c in CLICKS
                ]
            )
            found["logistic"].append(
                [
                    general,
                    *(agreement(logistic(said[:c], strips, held), favourites) for c in CLICKS[1:]),
                ]
            )
    return curves


def agreement(rewards: Floats, favourites: np.ndarray) -> float:
    """Share of strips whose top candidate is the person's favourite."""
    return float(np.mean(rewards.argmax(axis=1) == favourites))


def personal_rewards(personal: PersonalReward, strips: Strips, held: np.ndarray) -> Floats:
    """As the app shows them: the general rewards where the held-out check says so."""
    return np.array([personal.judge(strips.features[i], strips.rewards[i])[0] for i in held])


def logistic(said: list[JudgedStrip], strips: Strips, held: np.ndarray) -> Floats:
    """Plain logistic regression on z, each of the 256 scaled to deviation 1, learned from nothing:
    the accepted against every other, with an L2 penalty of 1."""
    rows = []
    for strip in said:
        chosen, z = strip.opinions[0].seed, strip.features[:, :FEATURE_SIZE]
        rows.append(np.delete(z[chosen] - z, chosen, axis=0))
    differences = np.concatenate(rows).astype(np.float64)
    scale = np.sqrt(np.mean(differences**2, axis=0)) + 1e-12
    x = differences / scale

    def loss(w: Floats) -> tuple[float, Floats]:
        margins = x @ w
        slopes = -0.5 * (1 - np.tanh(margins / 2))
        return float(np.logaddexp(0, -margins).sum() + 0.5 * w @ w), x.T @ slopes + w

    fitted = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B")
    return np.asarray(strips.features[held][..., :FEATURE_SIZE] @ (fitted.x / scale))


def asking(strips: Strips, people: int) -> Curves:
    """Each person answers, with one click, which of some is best: of pairs or fours at random, or
    of the most telling; a strip that has nothing worth a question is passed over."""
    curves: Curves = {}
    for person in range(people):
        rng = np.random.default_rng([2, person])
        order = rng.permutation(len(strips.rewards))
        shown, held = order[HELD_OUT:], order[:HELD_OUT]
        utilities = tastes(strips, rng)
        for name in ("linear", "linear x 2"):
            for way in WAYS:
                found = curves.setdefault(name, {}).setdefault(way, [])
                found.append(asked_person(strips, utilities[name], shown, held, way, person))
    return curves


def asked_person(
    strips: Strips, utilities: Floats, shown: np.ndarray, held: np.ndarray, way: str, person: int
) -> list[float]:
    """Agreement after each number of ASKED answers."""
    rng = np.random.default_rng([3, person])
    favourites = utilities[held].argmax(axis=1)
    personal, passed, agreements = learn([]), 0, []
    count = 0
    while True:
        if count == ASKED[len(agreements)]:
            agreements.append(agreement(plain_rewards(personal, strips, held), favourites))
            if len(agreements) == len(ASKED):
                return agreements
        number = shown[passed % len(shown)]
        passed += 1
        if way == "asking well":
            cards = most_telling(strips.features[number], strips.rewards[number], personal)
        else:
            count_of_cards = 2 if way == "random pairs" else MOST_CARDS
            drawn = rng.choice(len(utilities[number]), count_of_cards, replace=False)
            cards = tuple(int(place) for place in drawn)
        if cards is None:
            if passed > 20 * ASKED[-1]:
                return [*agreements, *[agreements[-1]] * (len(ASKED) - len(agreements))]
            continue
        said = answer(utilities[number], cards, rng)
        personal = personal.with_strip(strip_of(strips, number, said, name=f"{passed}"))
        count += 1


def plain_rewards(personal: PersonalReward, strips: Strips, held: np.ndarray) -> Floats:
    """Without the held-out check: it tells little of cards that were chosen as doubtful."""
    return np.array(
        [personal.project(strips.features[i], strips.rewards[i]) @ personal.weights for i in held]
    )


def print_learning(curves: Curves) -> None:
    print("agreement of the top candidate, %, and how far the mean of people is sure (95 %)")
    print(f"{'taste':18} {'order':10}" + "".join(f"{f'{c} clicks':>13}" for c in CLICKS))
    for name, ways in curves.items():
        for way, people in ways.items():
            cells = "".join(
                f"{f'{mean:.1f} ± {wide:.1f}':>13}"
                for mean, wide in zip(*interval(people), strict=True)
            )
            print(f"{name:18} {way:10}{cells}")
    print("personal less general, points")
    for name, ways in curves.items():
        gains = np.array(ways["personal"]) - np.array(ways["general"])
        print(f"{name:18} {'':10}" + "".join(f"{gain:+13.1f}" for gain in 100 * gains.mean(axis=0)))


def print_asking(curves: Curves) -> None:
    print("agreement, %, after so many answers")
    print(f"{'taste':12} {'asked':14}" + "".join(f"{clicks:7}" for clicks in ASKED[::2]))
    for name, ways in curves.items():
        for way, people in ways.items():
            mean = interval(people)[0][::2]
            print(f"{name:12} {way:14}" + "".join(f"{value:7.1f}" for value in mean))
    print("clicks needed for what so many random pairs reach, and where 95 % of the means may lie")
    for name, ways in curves.items():
        pairs = np.array(ways["random pairs"])
        for way in WAYS[1:]:
            cells = [share_words(pairs, np.array(ways[way]), clicks) for clicks in (60, 80, 100)]
            print(f"{name:12} {way:14}" + "".join(f"{cell:>24}" for cell in cells))


def share_words(pairs: Floats, others: Floats, clicks: int) -> str:
    """Such as "60: 48 % (40 to 55)"; drawn anew from the people for the interval."""
    rng = np.random.default_rng(5)
    share = clicks_needed(pairs, others, clicks) / clicks
    drawn = [rng.integers(len(pairs), size=len(pairs)) for _ in range(500)]
    shares = [clicks_needed(pairs[d], others[d], clicks) / clicks for d in drawn]
    low, high = np.quantile(shares, (0.025, 0.975), method="nearest")
    return f"{clicks}: {100 * share:.0f} % ({100 * low:.0f} to {100 * high:.0f})"


def clicks_needed(pairs: Floats, others: Floats, clicks: int) -> float:
    """Clicks after which others agree as well as pairs do after so many, inf where they never do.

    By the rising curves that are closest to the means: a lucky point neither helps nor hinders.
    """
    wanted = float(np.interp(clicks, ASKED, isotonic_regression(pairs.mean(axis=0)).x))
    rising = isotonic_regression(others.mean(axis=0)).x
    if rising[-1] < wanted:
        return float("inf")
    after = int(np.argmax(rising >= wanted))
    if after == 0:
        return 0.0
    return float(np.interp(wanted, rising[after - 1 : after + 1], ASKED[after - 1 : after + 1]))


def times(strips: Strips) -> None:
    """A click with EVIDENCE clicks before it."""
    rng = np.random.default_rng(4)
    utilities = tastes(strips, rng)["linear"]
    said = []
    for number in range(EVIDENCE + UPDATES):
        i = number % len(utilities)
        said.append(strip_of(strips, i, accept(utilities[i], rng), name=f"{number}"))
    personal, rebuilt = timed(lambda: learn(said[:EVIDENCE]))
    walls, worked = [], []
    for strip in said[EVIDENCE:]:
        before = time.process_time()
        personal, wall = timed(lambda p=personal, s=strip: p.with_strip(s))  # type: ignore[misc]
        walls.append(wall)
        worked.append(time.process_time() - before)
    whole, _ = timed(lambda: learn(said))
    apart = float(np.abs(whole.weights - personal.weights).max())
    print(f"rebuilt from {EVIDENCE} clicks   {1e3 * rebuilt:7.1f} ms")
    for words, kept in (("wall", walls), ("processor", worked)):
        print(
            f"one more click, {words:9} {1e3 * statistics.median(kept):7.1f} ms median, "
            f"{1e3 * min(kept):.1f} least, {1e3 * max(kept):.1f} most"
        )
    print(f"click by click against rebuilt: weights differ by {apart:.1e} at most")


def timed(run: Callable[[], PersonalReward]) -> tuple[PersonalReward, float]:
    started = time.perf_counter()
    result = run()
    return result, time.perf_counter() - started


def interval(people: list[list[float]]) -> tuple[Floats, Floats]:
    """Mean in per cent and half the width of its 95 % interval, at each number of clicks."""
    shares = 100 * np.array(people)
    return shares.mean(axis=0), 1.96 * shares.std(axis=0) / np.sqrt(max(1, len(shares) - 1))


COLOURS = {
    "general": "#8a919b",
    "personal": "#3d7eff",
    "logistic": "#d98324",
    "random pairs": "#8a919b",
    "random fours": "#d98324",
    "asking well": "#3d7eff",
}


def draw(curves: Curves, asked: Curves, out: Path) -> None:
    """A chart for each taste, with the intervals as bands."""
    figure = Figure(figsize=(13, 9), dpi=120, layout="constrained")
    charts = figure.subplots(3, 5, sharex=True).flatten()
    panels = [(name, CLICKS, ways) for name, ways in curves.items()]
    panels += [(f"{name}, asked", ASKED, ways) for name, ways in asked.items()]
    for axes, (name, clicks, ways) in zip(charts, panels, strict=False):
        draw_chart(axes, name, clicks, ways)
    for axes in charts[len(panels) :]:
        axes.set_visible(False)
    figure.supxlabel("clicks", fontsize="small")
    figure.supylabel("top candidate is the person's favourite, %", fontsize="small")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out)


def draw_chart(
    axes: Axes, name: str, clicks: tuple[int, ...], ways: dict[str, list[list[float]]]
) -> None:
    for way, people in ways.items():
        mean, wide = interval(people)
        axes.plot(clicks, mean, color=COLOURS[way], marker="o", markersize=3, label=way)
        axes.fill_between(clicks, mean - wide, mean + wide, color=COLOURS[way], alpha=0.18)
    axes.set_title(name, fontsize="small")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="x-small", frameon=False)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--people", type=int, default=PEOPLE)
    words = parser.parse_args()
    main(words.pairs, words.out, words.people)
